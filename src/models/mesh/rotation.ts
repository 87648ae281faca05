import { type ProcessBody, sleep } from '../../engine/process.ts';
import type { Kind, Simulation } from '../../engine/simulation.ts';
import type { Fleet } from './fleet.ts';
import type { Bundle, Istiod } from './istiod.ts';

/** Phases of a root's rotation that may be left out. */
export const rootPhases = ['trust', 'wait', 'remove'] as const;
export type RootPhase = (typeof rootPhases)[number];

export interface RootRotation {
  /** Row of the intermediate below the new root. */
  readonly signer: number;
  readonly skip: readonly RootPhase[];
  /** Between phases, microseconds. */
  readonly waitMicros: number;
}

/**
 * Ways of making sidecars take new certificates before their own time.
 *
 * A staged procedure is not a feature of Istio: somebody makes agents renew, namespace after namespace, a burst first and the rest at a constant pace; those that already
 * have what is wanted are passed over.
 */
export class Rotations {
  private readonly sim: Simulation;
  private readonly fleet: Fleet;
  private readonly stages: {
    readonly sidecars: readonly number[];
    next: number;
    readonly everyMicros: number;
    turn: number;
    readonly startedAt: number;
  }[] = [];
  private readonly stageKind: Kind;
  private readonly restartKind: Kind;
  private readonly onRestarted: (sidecars: number) => void;

  constructor(sim: Simulation, fleet: Fleet, onRestarted: (sidecars: number) => void) {
    this.sim = sim;
    this.fleet = fleet;
    this.onRestarted = onRestarted;
    this.stageKind = sim.on('mesh.stage', (row) => this.step(row));
    this.restartKind = sim.on('mesh.restartSidecar', (i) => {
      this.onRestarted(1);
      this.fleet.restart(i);
    });
  }

  /** @param perSecond sidecars a second after the burst */
  staged(sidecars: readonly number[], burst: number, perSecond: number): void {
    const stage = { sidecars, next: 0, everyMicros: 1e6 / perSecond, turn: 0, startedAt: this.sim.now };
    this.stages.push(stage);
    for (let k = 0; k < burst; k += 1) this.renewNext(stage);
    this.plan(this.stages.length - 1);
  }

  private renewNext(stage: { readonly sidecars: readonly number[]; next: number }): boolean {
    while (stage.next < stage.sidecars.length) {
      const i = stage.sidecars[stage.next]!;
      stage.next += 1;
      if (this.fleet.isRolled(i)) continue;
      this.fleet.renew(i);
      return true;
    }
    return false;
  }

  private plan(row: number): void {
    const stage = this.stages[row]!;
    if (stage.next >= stage.sidecars.length) return;
    stage.turn += 1;
    const at = stage.startedAt + Math.round(stage.turn * stage.everyMicros);
    this.sim.at(Math.max(this.sim.now, at), this.stageKind, row);
  }

  private step(row: number): void {
    if (this.renewNext(this.stages[row]!)) this.plan(row);
  }

  /** Pods restart one after another, evenly over a time. */
  restart(sidecars: readonly number[], overMicros: number): void {
    sidecars.forEach((i, k) => {
      this.sim.after(Math.round((overMicros * k) / sidecars.length), this.restartKind, i);
    });
  }
}

/**
 * A rotation of the root in four phases: the new root is trusted beside the old one everywhere; the new intermediate signs; every certificate is waited for;
 * the old root is no longer trusted. Without the first phase no replica takes up the new roots beside a running mesh, so that the replicas are restarted.
 */
export function rotateRoot(
  sim: Simulation,
  istiod: Istiod,
  rotation: RootRotation,
  newRoot: number,
  install: (bundle: Bundle) => void,
): ProcessBody {
  return function* () {
    const { signer, skip, waitMicros } = rotation;
    const old = istiod.secret;
    const trusts = !skip.includes('trust');
    const both = trusts ? old.roots | newRoot : newRoot;
    if (trusts) {
      sim.tell('mesh.rootPhase', 'root', 'the new root is trusted beside the old one');
      install({ signer: old.signer, roots: both });
      yield sleep(waitMicros);
    }
    sim.tell('mesh.rootPhase', 'root', 'the new intermediate signs');
    install({ signer, roots: both });
    if (!trusts)
      for (let replica = 0; replica < istiod.options.replicas; replica += 1) {
        istiod.stop(replica, undefined);
        istiod.start(replica);
      }
    if (skip.includes('remove')) return;
    if (!skip.includes('wait')) {
      sim.tell('mesh.rootPhase', 'root', 'every certificate is waited for');
      yield sleep(waitMicros);
    }
    sim.tell('mesh.rootPhase', 'root', 'the old root is no longer trusted');
    install({ signer, roots: newRoot });
  };
}
