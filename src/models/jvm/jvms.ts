import type { Simulation } from '../../engine/simulation.ts';
import type { G1Costs } from './costs.ts';
import type { G1Flags } from './flags.ts';
import { type Allocation, G1, type G1Kinds, type G1Listener } from './g1.ts';

/** The JVMs of a platform, each with a collector of its own, on one simulation. */
export class Jvms {
  readonly list: G1[] = [];
  private readonly sim: Simulation;
  private readonly kinds: G1Kinds;

  constructor(sim: Simulation) {
    this.sim = sim;
    this.kinds = {
      edenFull: sim.on('jvm.edenFull', (id) => this.list[id]!.onEdenFull()),
      cycleStep: sim.on('jvm.concurrentStep', (id) => this.list[id]!.onCycleStep()),
      humongous: sim.on('jvm.humongousObject', (id) => this.list[id]!.onHumongous()),
    };
    sim.invariant('heap regions are conserved', () => {
      this.list.forEach((jvm, i) => {
        const says = jvm.broken();
        sim.require(says === undefined, says ?? '', { jvm: i });
      });
    });
  }

  add(name: string, flags: G1Flags, costs: G1Costs, load: Allocation, listener: G1Listener): G1 {
    const jvm = new G1(this.sim, this.list.length, name, flags, costs, load, this.kinds, listener);
    this.list.push(jvm);
    return jvm;
  }
}
