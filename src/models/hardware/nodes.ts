import { FlowNetwork, type LinkId } from '../../engine/flows.ts';
import type { Gauge } from '../../engine/gauge.ts';
import type { Simulation } from '../../engine/simulation.ts';
import { type NetworkSettings, ZoneNetwork } from './network.ts';
import { Nics } from './nic.ts';

export interface InstanceType {
  readonly name: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly nicBaseline: number;
  readonly nicBurst: number;
  readonly nicBurstMicros: number;
  /** Bytes per second of the log directory's device. */
  readonly diskRead: number;
  readonly diskWrite: number;
  readonly dollarsPerHour: number;
}

export interface NodeSettings {
  readonly name: string;
  readonly zone: string;
  readonly instance: InstanceType;
}

/** The links of one node in the flow network. */
export interface NodeLinks {
  readonly inbound: LinkId;
  readonly outbound: LinkId;
  readonly diskRead: LinkId;
  readonly diskWrite: LinkId;
}

/** Machines as links of one flow network: NIC in and out with burst credit, disk read and write. */
export class Hardware {
  readonly nodes: readonly NodeSettings[];
  readonly network: FlowNetwork;
  readonly nics: Nics;
  /** What lies between the zones of the nodes. */
  readonly zones: ZoneNetwork;
  readonly diskBusy: Gauge;
  readonly cost: Gauge;
  private readonly row: ReadonlyMap<string, number>;
  private readonly disks: readonly { readonly read: LinkId; readonly write: LinkId }[];
  private readonly overload: Gauge;
  private readonly wanted: Float64Array;
  private readonly held: Float64Array;
  private readonly neighbours: Float64Array;

  constructor(sim: Simulation, nodes: readonly NodeSettings[], network: NetworkSettings) {
    this.nodes = nodes;
    this.row = new Map(nodes.map((n, i) => [n.name, i]));
    this.network = new FlowNetwork(sim);
    this.zones = new ZoneNetwork(sim, network);
    // Rows 2 i and 2 i + 1: inbound and outbound of node i.
    this.nics = new Nics(
      sim,
      this.network,
      nodes.flatMap((n) => {
        const one = {
          baselineBytesPerSecond: n.instance.nicBaseline,
          burstBytesPerSecond: n.instance.nicBurst,
          burstMicros: n.instance.nicBurstMicros,
        };
        return [one, one];
      }),
    );
    this.disks = nodes.map((n) => ({
      read: this.network.link(`${n.name} disk read`, n.instance.diskRead),
      write: this.network.link(`${n.name} disk write`, n.instance.diskWrite),
    }));
    // Three places of a node: inbound, outbound, disk write.
    this.wanted = new Float64Array(3 * nodes.length);
    this.held = new Float64Array(3 * nodes.length);
    this.neighbours = new Float64Array(3 * nodes.length);
    this.diskBusy = sim.gauge('rehearse:disk_write_headroom_ratio', nodes.length);
    this.overload = sim.gauge('rehearse:node_overload_ratio', nodes.length);
    this.cost = sim.gauge('rehearse:node_cost_dollars_total', nodes.length, { linear: true });
    const cores = sim.gauge('machine_cpu_cores', nodes.length);
    const memory = sim.gauge('machine_memory_bytes', nodes.length);
    nodes.forEach((n, i) => {
      cores.set(i, n.instance.cores);
      memory.set(i, n.instance.memoryBytes);
      this.cost.set(i, 0, n.instance.dollarsPerHour / 3600);
      this.diskBusy.set(i, 1);
    });
  }

  index(name: string): number {
    const row = this.row.get(name);
    if (row === undefined) throw new RangeError(`no node ${name}`);
    return row;
  }

  links(node: number): NodeLinks {
    return {
      inbound: this.nics.links[2 * node],
      outbound: this.nics.links[2 * node + 1],
      diskRead: this.disks[node].read,
      diskWrite: this.disks[node].write,
    };
  }

  /** Steady traffic of a node, bytes per second: taken from its links before flows share what is left. */
  setBackground(node: number, inbound: number, outbound: number, diskWrite: number): void {
    const links = this.links(node);
    this.network.setBackground(links.inbound, inbound);
    this.network.setBackground(links.outbound, outbound);
    this.network.setBackground(links.diskWrite, diskWrite);
    this.wanted.set([inbound, outbound, diskWrite], 3 * node);
    this.show(node);
  }

  /** Steady traffic that a node's links do not take, so that it is not among its background, bytes per second. */
  setHeld(node: number, inbound: number, outbound: number, diskWrite: number): void {
    this.held.set([inbound, outbound, diskWrite], 3 * node);
    this.show(node);
  }

  /**
   * Other pods of the node take so much of its card and its disk from now on, bytes per second, whatever else the node carries; 0 ends it.
   * Simplified: they get all that they ask for. In a real card and device queues are shared, so that a neighbour slows down as well.
   */
  setNeighbour(node: number, inbound: number, outbound: number, diskRead: number, diskWrite: number): void {
    const links = this.links(node);
    this.network.reserve(links.inbound, inbound);
    this.network.reserve(links.outbound, outbound);
    this.network.reserve(links.diskRead, diskRead);
    this.network.reserve(links.diskWrite, diskWrite);
    this.neighbours.set([inbound, outbound, diskWrite], 3 * node);
    this.show(node);
  }

  private show(node: number): void {
    const links = this.links(node);
    const { wanted, held, neighbours } = this;
    const asked = (i: number) => wanted[3 * node + i] + held[3 * node + i] + neighbours[3 * node + i];
    const disk = this.nodes[node].instance.diskWrite;
    this.diskBusy.set(node, 1 - (wanted[3 * node + 2] + neighbours[3 * node + 2]) / disk);
    const worst = Math.max(
      asked(0) / this.network.capacity(links.inbound),
      asked(1) / this.network.capacity(links.outbound),
      asked(2) / disk,
    );
    this.overload.set(node, Math.max(0, worst - 1));
  }
}
