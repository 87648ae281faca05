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
  /** Local disks. */
  readonly disks: number;
  /** Bytes per second of one disk. */
  readonly diskRead: number;
  readonly diskWrite: number;
}

export interface NodeSettings {
  readonly name: string;
  readonly zone: string;
  readonly instance: InstanceType;
}

/** The links of one node in the flow network, with those of one of its disks. */
export interface NodeLinks {
  readonly inbound: LinkId;
  readonly outbound: LinkId;
  readonly diskRead: LinkId;
  readonly diskWrite: LinkId;
}

/** Machines as links of one flow network: NIC in and out with burst credit, each disk's read and write. */
export class Hardware {
  readonly nodes: readonly NodeSettings[];
  readonly network: FlowNetwork;
  readonly nics: Nics;
  /** What lies between the zones of the nodes. */
  readonly zones: ZoneNetwork;
  readonly diskBusy: Gauge;
  private readonly row: ReadonlyMap<string, number>;
  /** By node, then disk. */
  private readonly disks: readonly (readonly { readonly read: LinkId; readonly write: LinkId }[])[];
  /** Steady traffic by node: network in and out, and what is written to each disk, bytes per second. */
  private readonly booked: { inbound: number; outbound: number; writes: readonly number[] }[];
  private readonly overload: Gauge;
  /** What they do not take of it, and what other pods take beside it. */
  private readonly held: { inbound: number; outbound: number; writes: readonly number[] }[];
  private readonly neighbours: { inbound: number; outbound: number; writes: readonly number[] }[];
  /** Rows of disks: those of node `i` are `disksFrom[i] .. disksFrom[i + 1])`. */
  private readonly disksFrom: number[] = [0];
  private readonly readLimit: Gauge;
  private readonly writeLimit: Gauge;

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
    this.disks = nodes.map((n) =>
      Array.from({ length: n.instance.disks }, (_, disk) => ({
        read: this.network.link(`${n.name} disk ${disk} read`, n.instance.diskRead),
        write: this.network.link(`${n.name} disk ${disk} write`, n.instance.diskWrite),
      })),
    );
    for (const n of nodes) this.disksFrom.push(this.disksFrom[this.disksFrom.length - 1] + n.instance.disks);
    const disks = this.disksFrom[nodes.length];
    this.readLimit = sim.gauge('rehearse:disk_read_limit_bytes_per_second', disks);
    this.writeLimit = sim.gauge('rehearse:disk_write_limit_bytes_per_second', disks);
    for (let row = 0; row < disks; row += 1) {
      const { instance } = nodes[this.diskAt(row).node];
      this.readLimit.set(row, instance.diskRead);
      this.writeLimit.set(row, instance.diskWrite);
    }
    const nothing = { inbound: 0, outbound: 0, writes: [] };
    this.booked = nodes.map(() => nothing);
    this.held = nodes.map(() => nothing);
    this.neighbours = nodes.map(() => nothing);
    this.diskBusy = sim.gauge('rehearse:disk_write_headroom_ratio', nodes.length);
    this.overload = sim.gauge('rehearse:node_overload_ratio', nodes.length);
    const cores = sim.gauge('machine_cpu_cores', nodes.length);
    const memory = sim.gauge('machine_memory_bytes', nodes.length);
    nodes.forEach((n, i) => {
      cores.set(i, n.instance.cores);
      memory.set(i, n.instance.memoryBytes);
      this.diskBusy.set(i, 1);
    });
  }

  index(name: string): number {
    const row = this.row.get(name);
    if (row === undefined) throw new RangeError(`no node ${name}`);
    return row;
  }

  /** Node row, and place on the node, of a row of disks. */
  diskAt(row: number): { readonly node: number; readonly disk: number } {
    let node = Math.min(row, this.nodes.length - 1);
    while (this.disksFrom[node] > row) node -= 1;
    return { node, disk: row - this.disksFrom[node] };
  }

  diskCount(node: number): number {
    return this.disks[node].length;
  }

  links(node: number, disk: number): NodeLinks {
    return {
      inbound: this.nics.links[2 * node],
      outbound: this.nics.links[2 * node + 1],
      diskRead: this.disks[node][disk].read,
      diskWrite: this.disks[node][disk].write,
    };
  }

  /**
   * Steady traffic of a node, bytes per second: taken from its links before flows share what is left.
   * @param diskWrites by disk
   */
  setBackground(node: number, inbound: number, outbound: number, diskWrites: readonly number[]): void {
    this.booked[node] = { inbound, outbound, writes: diskWrites };
    this.network.setBackground(this.nics.links[2 * node], inbound);
    this.network.setBackground(this.nics.links[2 * node + 1], outbound);
    this.disks[node].forEach((d, disk) => {
      this.network.setBackground(d.write, diskWrites[disk] ?? 0);
    });
    this.compare(node);
  }

  /**
   * Steady traffic that a node's links do not take, so that it is not among its background, bytes per second.
   * @param diskWrites by disk
   */
  setHeld(node: number, inbound: number, outbound: number, diskWrites: readonly number[]): void {
    this.held[node] = { inbound, outbound, writes: diskWrites };
    this.compare(node);
  }

  /**
   * Other pods of the node take so much of its card and of one of its disks from now on, bytes per second, whatever else the node carries; 0
   * ends it. Simplified: they get all that they ask for. In a real card and device queues are shared, so that a neighbour slows down as well.
   */
  setNeighbour(
    node: number,
    inbound: number,
    outbound: number,
    diskRead: number,
    diskWrite: number,
    disk = 0,
  ): void {
    const links = this.links(node, disk);
    this.network.reserve(links.inbound, inbound);
    this.network.reserve(links.outbound, outbound);
    this.network.reserve(links.diskRead, diskRead);
    this.network.reserve(links.diskWrite, diskWrite);
    this.neighbours[node] = {
      inbound,
      outbound,
      writes: this.disks[node].map((_, d) => (d === disk ? diskWrite : 0)),
    };
    this.compare(node);
  }

  /**
   * A disk reads and writes at other rates from now on: a worn or throttled device, a degraded array. What flows through
   * it is shared anew at once.
   * @param disk of the node, from 0 on
   * @param read and `write`: bytes per second, above 0
   */
  setDiskRates(node: number, disk: number, read: number, write: number): void {
    const links = this.disks[node][disk];
    if (links === undefined) throw new RangeError(`${this.nodes[node].name} has no disk ${disk}`);
    this.network.setCapacity(links.read, read);
    this.network.setCapacity(links.write, write);
    this.readLimit.set(this.disksFrom[node] + disk, read);
    this.writeLimit.set(this.disksFrom[node] + disk, write);
    this.compare(node);
  }

  /** Steady traffic against what the links can carry: the tightest disk, and the tightest of all. */
  private compare(node: number): void {
    const booked = this.booked[node];
    const held = this.held[node];
    const beside = this.neighbours[node];
    const asked = { taken: 0, all: 0 };
    this.disks[node].forEach((d, i) => {
      const taken = (booked.writes[i] ?? 0) + (beside.writes[i] ?? 0);
      const capacity = this.network.capacity(d.write);
      asked.taken = Math.max(asked.taken, taken / capacity);
      asked.all = Math.max(asked.all, (taken + (held.writes[i] ?? 0)) / capacity);
    });
    this.diskBusy.set(node, 1 - asked.taken);
    const worst = Math.max(
      (booked.inbound + held.inbound + beside.inbound) / this.network.capacity(this.nics.links[2 * node]),
      (booked.outbound + held.outbound + beside.outbound) /
        this.network.capacity(this.nics.links[2 * node + 1]),
      asked.all,
    );
    this.overload.set(node, Math.max(0, worst - 1));
  }
}
