import type { Distribution } from '../../engine/distributions.ts';
import { Gathering } from '../../engine/gathering.ts';
import type { Gauge } from '../../engine/gauge.ts';
import { BrokenInvariant, type Kind, type Simulation } from '../../engine/simulation.ts';

/** Clients of the registry that share a way of using it; all rates per second. */
export interface ClientSettings {
  readonly name: string;
  /** Schemas that no registry has seen. */
  readonly newSchemas: number;
  /** Ids that a running consumer meets for the first time. */
  readonly unseenIds: number;
  /** Schemas that a process which has just started asks for: they are registered, and not in its cache. */
  readonly coldStarts: number;
}

export interface RegistrySettings {
  /** Host names: the smallest one that serves leads. */
  readonly instances: readonly string[];
  /** `kafkastore.timeout.ms`, microseconds. */
  readonly storeTimeoutMicros: number;
  /** From the start of an instance's process until it asks to read the topic. */
  readonly startMicros: Distribution;
  readonly roundTripMicros: number;
  readonly clients: readonly ClientSettings[];
}

/** The topic of the registry, and the coordinator of its group. */
export interface RegistryPorts {
  /** Whether `_schemas` has a leader that serves. */
  readonly led: () => boolean;
  /** Whether its leader counts as many replicas in sync as writes need. */
  readonly enoughInSync: () => boolean;
  /** Whether a write with acks=all is acknowledged at once. */
  readonly writable: () => boolean;
  /** Whether the coordinator of the group answers and can write. */
  readonly coordinator: () => boolean;
  /** Calls back when one of these may have changed. */
  readonly watch: (look: () => void) => void;
}

/** What clients do: with warm caches they ask nobody. */
export const requestKinds = ['warmProducer', 'warmConsumer', 'newSchema', 'unseenId', 'coldClient'] as const;
export type RequestKind = (typeof requestKinds)[number];

/**
 * How a request ends: `cached` asks nobody, `unreachable` finds no instance. Error codes are those of the registry: 50001 the store refuses, 50002
 * it does not answer in time, 50003 the leader cannot be reached, 50004 no leader is known.
 */
export const outcomes = ['ok', 'cached', 'unreachable', '50001', '50002', '50003', '50004'] as const;
export type Outcome = (typeof outcomes)[number];

/** Those that are failures, in the order of the gauge's rows. */
export const failures: readonly Outcome[] = ['unreachable', '50001', '50002', '50003', '50004'];

/** Requests of the populations, in the order of the gauge's rows. */
export const asked = ['newSchema', 'unseenId', 'coldClient'] as const;

/** Fixed in the registry. Source: schema-registry 7.6 `KafkaGroupLeaderElector` SESSION_TIMEOUT_MS_CONFIG_DEFAULT and its neighbours. */
const sessionMicros = 10_000_000;
const heartbeatMicros = 3_000_000;

interface Electorate {
  readonly instance: number;
  alive: boolean;
}

/**
 * Instances of Confluent Schema Registry, their leader, and what becomes of the requests of clients.
 *
 * Reads are answered from memory by any instance; so is the registration of a schema that is known, which is all that a client with an empty
 * cache asks for. A new schema is written by the leader, with acks=all and no retry, and a follower hands it on. The leader is the smallest
 * name in the group; while the members join anew nobody knows one. A leader that is gone at once is missed when its session ends, and
 * followers hand on in vain until then.
 *
 * Source: schema-registry 7.6 `KafkaSchemaRegistry.registerOrForward` (looks up first), `KafkaStore.put`, `KafkaGroupLeaderElector`,
 * `SchemaRegistryCoordinator` (onRevoked forgets the leader), rest `Errors`, `RestService.httpRequest` (the next URL after a failed connection, not after
 * an answer).
 * Simplified: clients are spread evenly over the instances that serve; a new leader is at the end of the topic at once; an instance that cannot
 * write its first record to the topic starts over until it can.
 */
export class SchemaRegistry {
  readonly settings: RegistrySettings;
  readonly role: Gauge;
  readonly requests: Gauge;
  readonly failed: Gauge;
  readonly reads: Gauge;
  readonly writes: Gauge;
  private readonly sim: Simulation;
  private readonly ports: RegistryPorts;
  private readonly state: ('down' | 'starting' | 'loading' | 'serving')[];
  private readonly incarnation: number[];
  /** The leader that an instance knows, or -1. */
  private readonly knows: number[];
  private readonly gathering: Gathering;
  private readonly members: Electorate[] = [];
  /** By client: further requests of clients that start, per second. */
  private readonly starting: number[];
  private readonly expires: Kind;
  private readonly started: Kind;
  private readonly back: Kind;
  private readonly startsEnd: Kind;

  constructor(sim: Simulation, settings: RegistrySettings, ports: RegistryPorts) {
    this.sim = sim;
    this.settings = settings;
    this.ports = ports;
    const { instances, clients } = settings;
    this.role = sim.gauge('kafka_schema_registry_master_slave_role', instances.length);
    // Single requests of the timeline have a row of their own behind those of the clients.
    const rows = (clients.length + 1) * asked.length;
    this.requests = sim.gauge('rehearse:schema_registry_requests_total', rows, { linear: true });
    this.failed = sim.gauge('rehearse:schema_registry_failed_requests_total', rows * failures.length, {
      linear: true,
    });
    this.reads = sim.gauge('rehearse:schema_registry_reads_available', 1);
    this.writes = sim.gauge('rehearse:schema_registry_writes_available', 1);
    this.state = instances.map(() => 'serving');
    this.incarnation = instances.map(() => 0);
    this.knows = instances.map(() => -1);
    this.starting = clients.map(() => 0);
    this.gathering = new Gathering(sim, 'schemaRegistry.instances', 2 * settings.roundTripMicros, (m) =>
      this.members[m].alive
        ? Math.floor(this.draw(this.members[m].instance, 'heartbeat') * heartbeatMicros)
        : undefined,
    );
    this.gathering.mayClose = () => ports.coordinator();
    this.gathering.onHeard = (m) => this.forgetLeader(this.members[m].instance);
    this.gathering.onClosed = () => this.elect();
    this.expires = sim.on('schemaRegistry.sessionEnds', (m) => this.gathering.remove(m));
    this.started = sim.on('schemaRegistry.instanceStarts', (i, life) => this.onStarted(i, life));
    this.back = sim.on('schemaRegistry.instanceReturns', (i) => this.start(i));
    this.startsEnd = sim.on('schemaRegistry.clientsStarted', (client, _, perSecond) => {
      this.starting[client] = Math.max(0, this.starting[client] - perSecond);
      this.show();
    });
    instances.forEach((_, i) => {
      this.gathering.enter(this.member(i));
    });
    const leader = this.smallest();
    instances.forEach((_, i) => {
      this.knows[i] = leader;
    });
    ports.watch(() => this.onStore());
    this.show();
    sim.invariant('schemaRegistry: one leader at most', () => {
      const leaders = instances.filter((_, i) => this.state[i] === 'serving' && this.knows[i] === i);
      if (leaders.length > 1) throw new BrokenInvariant(`${leaders.join(' and ')} lead`);
    });
    sim.stateDigest('schemaRegistry', (add) => {
      for (const one of this.knows) add(one);
      for (let row = 0; row < this.failed.rows; row += 1) add(this.failed.get(row));
    });
  }

  instanceRow(name: string): number {
    return this.settings.instances.indexOf(name);
  }

  clientRow(name: string): number {
    return this.settings.clients.findIndex((c) => c.name === name);
  }

  /**
   * An instance's process ends.
   * @param crash at once; otherwise it leaves its group first
   * @param forMicros after which its process is started again; absent: it stays away
   */
  stop(instance: number, crash: boolean, forMicros: number | undefined): void {
    if (this.state[instance] === 'down') return;
    const member = this.members.findLastIndex((m) => m.alive && m.instance === instance);
    this.state[instance] = 'down';
    this.incarnation[instance] += 1;
    this.knows[instance] = -1;
    this.sim.tell(
      'schemaRegistry.stopped',
      this.settings.instances[instance],
      crash ? 'its process is gone' : 'it leaves the group',
    );
    if (member >= 0) {
      this.members[member].alive = false;
      if (crash) {
        this.gathering.deafen(member);
        const since = Math.floor(this.draw(instance, 'session') * heartbeatMicros);
        this.sim.after(sessionMicros - since, this.expires, member);
      } else this.gathering.remove(member);
    }
    if (forMicros !== undefined) this.sim.after(Math.max(1, forMicros), this.back, instance);
    this.show();
  }

  start(instance: number): void {
    if (this.state[instance] !== 'down') return;
    this.state[instance] = 'starting';
    const micros = this.settings.startMicros.sample(this.draw(instance, 'start'));
    this.sim.after(Math.max(1, Math.round(micros)), this.started, instance, this.incarnation[instance]);
  }

  /** How a request ends that is made now. @param first instance that the client asks first; others only when it is not there */
  outcome(kind: RequestKind, first: number): Outcome {
    if (kind === 'warmProducer' || kind === 'warmConsumer') return 'cached';
    const n = this.settings.instances.length;
    for (let i = 0; i < n; i += 1) {
      const instance = (first + i) % n;
      if (this.state[instance] === 'serving') return kind === 'newSchema' ? this.write(instance) : 'ok';
    }
    return 'unreachable';
  }

  /** One request, told and counted. */
  request(kind: RequestKind, first: number): Outcome {
    const outcome = this.outcome(kind, first);
    const row = (asked as readonly string[]).indexOf(kind);
    const client = this.settings.clients.length;
    if (row >= 0) {
      this.requests.add(client * asked.length + row, 1);
      if (failures.includes(outcome)) this.failed.add(this.failedRow(client, row, outcome), 1);
    }
    const waits = outcome === '50002' ? ` after ${this.settings.storeTimeoutMicros / 1000} ms` : '';
    this.sim.tell('schemaRegistry.request', kind, `${outcome}${waits}`);
    return outcome;
  }

  /** So many schemas are asked for by processes that start, evenly over a time. */
  coldStart(client: number, requests: number, overMicros: number): void {
    const perSecond = requests / (overMicros / 1e6);
    this.starting[client] += perSecond;
    this.sim.tell(
      'schemaRegistry.clientsStart',
      this.settings.clients[client].name,
      `${requests} schemas are asked for`,
    );
    this.sim.after(Math.max(1, overMicros), this.startsEnd, client, 0, perSecond);
    this.show();
  }

  private member(instance: number): number {
    this.members.push({ instance, alive: true });
    return this.members.length - 1;
  }

  private draw(instance: number, purpose: string): number {
    return this.sim.stream(`schemaRegistry/${this.settings.instances[instance]}`, purpose)();
  }

  /** The smallest name among the instances that are in the group; -1 when it is empty. */
  private smallest(): number {
    const names = this.settings.instances;
    let least = -1;
    names.forEach((name, i) => {
      if (this.state[i] === 'serving' && (least < 0 || name < names[least])) least = i;
    });
    return least;
  }

  private onStarted(instance: number, life: number): void {
    if (this.state[instance] !== 'starting' || this.incarnation[instance] !== life) return;
    this.state[instance] = 'loading';
    this.load(instance);
  }

  /** It serves once it has read the topic to the end, which it learns by a write of its own. */
  private load(instance: number): void {
    if (this.state[instance] !== 'loading' || !this.ports.writable()) return;
    this.state[instance] = 'serving';
    this.sim.tell('schemaRegistry.serves', this.settings.instances[instance]);
    const member = this.member(instance);
    this.gathering.enter(member);
    this.gathering.call(member);
    this.show();
  }

  private onStore(): void {
    this.settings.instances.forEach((_, i) => {
      this.load(i);
    });
    this.gathering.review();
    this.show();
  }

  private forgetLeader(instance: number): void {
    if (this.knows[instance] < 0) return;
    this.knows[instance] = -1;
    this.show();
  }

  private elect(): void {
    const leader = this.smallest();
    this.settings.instances.forEach((_, i) => {
      this.knows[i] = this.state[i] === 'serving' ? leader : -1;
    });
    if (leader >= 0)
      this.sim.tell(
        'schemaRegistry.elected',
        this.settings.instances[leader],
        `${((this.sim.now - this.gathering.began) / 1e6).toFixed(2)} s`,
      );
    this.show();
  }

  private write(instance: number): Outcome {
    const leader = this.knows[instance];
    if (leader < 0) return '50004';
    if (this.state[leader] !== 'serving') return '50003';
    // The leader's own view counts: it may have given up its role a moment before.
    if (this.knows[leader] !== leader) return '50004';
    if (this.ports.writable()) return 'ok';
    return this.ports.led() && !this.ports.enoughInSync() ? '50001' : '50002';
  }

  private failedRow(client: number, request: number, outcome: Outcome): number {
    return (client * asked.length + request) * failures.length + failures.indexOf(outcome);
  }

  /** Rates of what is asked and what fails, from now on; every request goes to each instance that serves alike. */
  private show(): void {
    const { instances, clients } = this.settings;
    const serving = instances.map((_, i) => i).filter((i) => this.state[i] === 'serving');
    instances.forEach((_, i) => {
      this.role.set(i, this.state[i] === 'serving' && this.knows[i] === i ? 1 : 0);
    });
    const ends = (kind: RequestKind) =>
      serving.length === 0 ? (['unreachable'] as Outcome[]) : serving.map((i) => this.outcome(kind, i));
    this.reads.set(0, serving.length > 0 ? 1 : 0);
    const written = ends('newSchema').filter((o) => o === 'ok').length;
    this.writes.set(0, serving.length === 0 ? 0 : written / serving.length);
    clients.forEach((c, client) => {
      const rates = [c.newSchemas, c.unseenIds, c.coldStarts + this.starting[client]];
      asked.forEach((kind, request) => {
        const row = client * asked.length + request;
        this.requests.set(row, this.requests.get(row), rates[request]);
        const found = ends(kind);
        for (const failure of failures) {
          const share = found.filter((o) => o === failure).length / found.length;
          const at = this.failedRow(client, request, failure);
          this.failed.set(at, this.failed.get(at), rates[request] * share);
        }
      });
    });
  }
}
