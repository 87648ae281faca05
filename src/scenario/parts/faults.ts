import { z } from 'zod';
import { faultsCatalogue, faultsLabels } from '../../models/faults/catalogue.ts';
import { type Fault, Faults } from '../../models/faults/faults.ts';
import { RandomFaults } from '../../models/faults/random.ts';
import { checkBrokers } from '../brokerIds.ts';
import type { Checks } from '../checks.ts';
import { connectFaults, type FaultPorts, type Way } from '../connections/faultsToPlatform.ts';
import type { Part } from '../part.ts';
import { q } from '../quantity.ts';
import { checkRandom, failingItems, randomSettings } from '../randomFaults.ts';
import { nodesIn, resources } from '../resources.ts';
import { directoriesIn, type KafkaPartSettings } from './kafka.ts';
import type { KubernetesSettings } from './kubernetes.ts';

/** The book of faults, and how they reach the platform. */
export interface FaultsModel {
  readonly book: Faults;
  readonly ports: FaultPorts;
}

const lasts = q.duration({ min: 1 }).meta({ description: 'from the fault until it is mended' });
const disks = z
  .enum(['kept', 'lost'])
  .meta({ description: 'whether the local disks come back with the machine (kept), or empty ones do' })
  .optional();

const broker = z.strictObject({
  broker: q.count({ min: 0 }),
  for: lasts.optional().meta({ description: 'its container is not started before; absent: it is at once' }),
});
const node = z.strictObject({ node: z.string().min(1), for: lasts, disks });
const zone = z.strictObject({ zone: z.string().min(1), for: lasts, disks });
const controller = z.strictObject({
  node: q
    .count({ min: 0 })
    .optional()
    .meta({ description: 'node id of a voter; absent: whichever is active then' }),
  for: lasts.optional().meta({ description: 'its process is not started before; absent: it is at once' }),
});
const network = z.strictObject({
  between: z
    .tuple([z.string(), z.string()])
    .optional()
    .meta({ description: 'two zones that no longer reach each other' }),
  zone: z.string().optional().meta({ description: 'a zone that reaches no other' }),
  broker: q.count({ min: 0 }).optional().meta({ description: 'a broker that nothing reaches' }),
  loss: q
    .ratio({ min: 0, max: 1 })
    .optional()
    .meta({ description: 'share of segments that are lost between the zones, in place of a cut' }),
  bursts: z
    .strictObject({
      good: q.ratio({ min: 0, max: 1 }),
      bad: q.ratio({ min: 0, max: 1 }),
      goodFor: q.duration({ min: 1000 }),
      badFor: q.duration({ min: 1000 }),
    })
    .optional()
    .meta({ description: 'loss in a good and in a bad state, and their mean stays, in place of a cut' }),
  roundTrip: q
    .duration({ min: 1 })
    .optional()
    .meta({ description: 'round trip between the zones, in place of a cut' }),
  for: lasts,
});
const disk = z.strictObject({
  broker: q.count({ min: 0 }),
  directory: z
    .string()
    .optional()
    .meta({ description: 'name of a log directory, such as data-0; absent: the first' }),
  how: z.enum(['failed', 'slow']),
  read: q.byteRate({ min: 1 }).optional().meta({ description: 'of a slow disk; absent: as before' }),
  write: q.byteRate({ min: 1 }).optional().meta({ description: 'of a slow disk; absent: as before' }),
  for: lasts,
});
const neighbour = z.strictObject({
  node: z.string().min(1),
  networkIn: q.byteRate({ min: 0 }).optional(),
  networkOut: q.byteRate({ min: 0 }).optional(),
  diskRead: q.byteRate({ min: 0 }).optional(),
  diskWrite: q.byteRate({ min: 0 }).optional(),
  for: lasts,
});

type Args = {
  readonly broker: z.output<typeof broker>;
  readonly node: z.output<typeof node>;
  readonly zone: z.output<typeof zone>;
  readonly controller: z.output<typeof controller>;
  readonly network: z.output<typeof network>;
  readonly disk: z.output<typeof disk>;
  readonly neighbour: z.output<typeof neighbour>;
};
type At = readonly (string | number)[];

function kafkaOf(checks: Checks): KafkaPartSettings {
  return checks.settings<KafkaPartSettings>('kafka')!;
}

function nodesOf(checks: Checks): KubernetesSettings['nodes'] {
  return checks.settings<KubernetesSettings>('kubernetes')!.nodes;
}

function votersOf({ controllers, brokers }: KafkaPartSettings): readonly number[] {
  return controllers.mode === 'dedicated'
    ? (controllers.ids ?? [])
    : brokers.filter((b) => b.controller === true).map((b) => b.id);
}

/** Names of everything that a fault takes away, so that two faults can be seen to strike the same. */
function struck(action: string, args: unknown, checks: Checks): readonly string[] {
  const kafka = kafkaOf(checks);
  const nodes = nodesOf(checks);
  const onNodes = (names: readonly string[]) => [
    ...names.map((name) => `node ${name}`),
    ...kafka.brokers.filter((b) => names.includes(b.node)).map((b) => `broker ${b.id}`),
    ...(kafka.controllers.ids ?? [])
      .filter((_, i) => names.includes(kafka.controllers.nodes?.[i] ?? ''))
      .map((id) => `controller ${id}`),
  ];
  switch (action) {
    case 'broker':
      return [`broker ${(args as Args['broker']).broker}`];
    case 'node':
      return onNodes([(args as Args['node']).node]);
    case 'zone':
      return onNodes(nodes.filter((n) => n.zone === (args as Args['zone']).zone).map((n) => n.name));
    case 'controller': {
      const { node: id } = args as Args['controller'];
      if (id === undefined) return ['the active controller'];
      return [kafka.controllers.mode === 'dedicated' ? `controller ${id}` : `broker ${id}`];
    }
    case 'disk': {
      const { broker: id, directory } = args as Args['disk'];
      return [`disk ${directory ?? 'data-0'} of broker ${id}`];
    }
    case 'neighbour':
      return [`room on node ${(args as Args['neighbour']).node}`];
    default: {
      const { between, zone: alone, broker: id } = args as Args['network'];
      if (id !== undefined) return [`network of broker ${id}`];
      const zones = [...new Set(nodes.map((n) => n.zone))];
      const pairs = between === undefined ? zones.map((z) => [alone ?? '', z]) : [between];
      return pairs.map(([a, b]) => `network between ${a < b ? `${a} and ${b}` : `${b} and ${a}`}`);
    }
  }
}

/** A fault that outlives the period is a finding; one that strikes what another has struck is a problem: neither's end would be its own. */
function checkTimes(
  checks: Checks,
  at: At,
  action: string,
  args: { readonly for?: number | undefined },
): void {
  const own = checks.timeline.find((e) => e.args === args);
  if (own === undefined) return;
  const end = own.at + (args.for ?? 0);
  if (end > checks.until)
    checks.warning(
      args.for === undefined ? at : [...at, 'for'],
      'the fault is not over when the period ends: nothing of the way back is played',
      'let it end before, or read the result as the state under the fault',
    );
  const mine = new Set(struck(action, args, checks));
  for (const other of checks.timeline) {
    if (other === own) break;
    if (other.part !== 'faults') continue;
    const otherEnd = other.at + ((other.args as { readonly for?: number | undefined }).for ?? 0);
    if (other.at > end || otherEnd < own.at) continue;
    const both = struck(other.action, other.args, checks).find((name) => mine.has(name));
    if (both === undefined) continue;
    checks.problem(
      at,
      `${both} is struck by ${other.id} at the same time`,
      `let one end before the other begins, or remove one (the other is on line ${other.line})`,
    );
  }
}

function checkZone(name: string, checks: Checks, path: At): void {
  const nodes = nodesOf(checks);
  const zones = [...new Set(nodes.map((n) => n.zone))];
  if (!zones.includes(name)) {
    checks.problem(path, `there is no zone ${name}`, `name one of ${zones.slice(0, 12).join(', ')}`);
    return;
  }
  const kafka = kafkaOf(checks);
  const inZone = new Set(nodes.filter((n) => n.zone === name).map((n) => n.name));
  if (kafka.brokers.some((b) => inZone.has(b.node))) return;
  if ((kafka.controllers.nodes ?? []).some((n) => inZone.has(n))) return;
  checks.problem(
    path,
    `no broker and no controller runs in zone ${name}: the fault would strike nothing`,
    `name a zone that has one, such as ${nodes.find((n) => n.name === kafka.brokers[0]?.node)?.zone}`,
  );
}

function checkNetwork(args: Args['network'], checks: Checks, at: At): void {
  const given = [args.between, args.zone, args.broker].filter((x) => x !== undefined).length;
  if (given !== 1) {
    checks.problem(
      at,
      given === 0 ? 'nothing is cut off' : 'more than one thing is cut off',
      'give one of between: [zone, zone], zone: or broker:',
    );
    return;
  }
  if (args.broker !== undefined) checkBrokers([args.broker], checks, [...at, 'broker']);
  if (args.zone !== undefined) checkZone(args.zone, checks, [...at, 'zone']);
  for (const zoneName of args.between ?? []) checkZone(zoneName, checks, [...at, 'between']);
  if (args.between !== undefined && args.between[0] === args.between[1])
    checks.problem([...at, 'between'], 'a zone always reaches itself', 'name two zones');
  const other = [args.loss, args.bursts, args.roundTrip].some((x) => x !== undefined);
  if (other && args.broker !== undefined)
    checks.problem(
      [...at, 'broker'],
      'loss and round trips are known between zones, not of one broker',
      'give zone: or between:, or cut the broker off without loss, bursts and roundTrip',
    );
  if (args.loss !== undefined && args.bursts !== undefined)
    checks.problem([...at, 'loss'], 'both loss and bursts', 'give one of them');
  checkTimes(checks, at, 'network', args);
}

function checkNode(name: string, checks: Checks, path: At): void {
  const nodes = nodesOf(checks);
  if (nodes.some((n) => n.name === name)) return;
  checks.problem(
    path,
    `there is no node ${name}`,
    `name one of ${nodes
      .slice(0, 12)
      .map((n) => n.name)
      .join(', ')}`,
  );
}

function checkDisk(args: Args['disk'], checks: Checks, at: At): void {
  checkBrokers([args.broker], checks, [...at, 'broker']);
  const owner = kafkaOf(checks).brokers.find((b) => b.id === args.broker);
  if (owner !== undefined && args.directory !== undefined) {
    const names = directoriesIn(owner).map((d) => d.name);
    if (!names.includes(args.directory))
      checks.problem(
        [...at, 'directory'],
        `broker ${args.broker} has no log directory ${args.directory}`,
        `name one of ${names.slice(0, 12).join(', ')}`,
      );
  }
  const rates = args.read !== undefined || args.write !== undefined;
  if (args.how === 'failed' && rates)
    checks.problem([...at, 'how'], 'rates of a disk that has failed', 'write how: slow, or remove them');
  if (args.how === 'slow' && !rates)
    checks.problem([...at, 'how'], 'a slow disk without a rate', 'add read or write, such as write: 50MB/s');
  checkTimes(checks, at, 'disk', args);
}

function burstsOf({ bursts }: Args['network']): Way['bursts'] {
  if (bursts === undefined) return undefined;
  const { good, bad, goodFor, badFor } = bursts;
  return { good, bad, goodStayMicros: goodFor, badStayMicros: badFor };
}

const begin = (model: FaultsModel, fault: Fault) => model.book.begin(fault);

const settings = z.strictObject({
  random: randomSettings
    .optional()
    .meta({ description: 'failures by chance, each item by itself: how often, and how long they last' }),
});
export type FaultsSettings = z.output<typeof settings>;

export const faultsPart: Part<FaultsSettings, FaultsModel> = {
  name: 'faults',
  says: 'what breaks: processes, machines, zones, controllers, networks, disks',
  around: 'kafka',
  needed: false,
  settings,
  check: (s, checks) => {
    if (s.random !== undefined) checkRandom(s.random, checks);
  },
  failsByChance: (s) => s.random !== undefined && Object.keys(s.random).length > 0,
  create: (s, context) => {
    const model = { book: new Faults(context.sim), ports: connectFaults(context) };
    if (s.random !== undefined) {
      const { kafka, kubernetes } = context.settings;
      const items = failingItems(
        s.random,
        kafka as KafkaPartSettings,
        kubernetes as KubernetesSettings,
        model.ports,
      );
      new RandomFaults(context.sim, model.book, items, context.until);
    }
    return model;
  },
  ahead: ['broker', 'node', 'zone', 'controller', 'network', 'disk', 'neighbour'],
  actions: {
    broker: {
      says: "a broker's process dies, as by SIGKILL; its container starts again",
      on: (args: { readonly broker: number }) => resources('broker', [args.broker]),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: broker,
      check: (args: Args['broker'], checks: Checks, at: At) => {
        checkBrokers([args.broker], checks, [...at, 'broker']);
        checkTimes(checks, at, 'broker', args);
      },
      play: (model: FaultsModel, args: Args['broker']) =>
        begin(model, {
          kind: 'broker',
          subject: `broker-${args.broker}`,
          detail: 'its process dies',
          micros: args.for ?? 0,
          strikes: [`broker ${args.broker}`],
          strike: () => model.ports.crashBroker(args.broker),
        }),
    } as never,
    node: {
      says: 'a machine is lost at once, with what runs on it; no connection is reset',
      on: (args: { readonly node: string }) => resources('node', [args.node]),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: node,
      check: (args: Args['node'], checks: Checks, at: At) => {
        checkNode(args.node, checks, [...at, 'node']);
        checkTimes(checks, at, 'node', args);
      },
      play: (model: FaultsModel, args: Args['node']) =>
        begin(model, {
          kind: 'node',
          subject: args.node,
          detail: args.disks === 'lost' ? 'it is lost with its disks' : 'it is lost',
          micros: args.for,
          strikes: [`node ${args.node}`],
          strike: () => model.ports.loseNodes([args.node], args.disks ?? 'kept'),
        }),
    } as never,
    zone: {
      says: 'every machine of a zone is lost at once',
      on: (args: { readonly zone: string }, settings: Readonly<Record<string, unknown>>) =>
        nodesIn(args.zone, settings),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: zone,
      check: (args: Args['zone'], checks: Checks, at: At) => {
        checkZone(args.zone, checks, [...at, 'zone']);
        checkTimes(checks, at, 'zone', args);
      },
      play: (model: FaultsModel, args: Args['zone']) =>
        begin(model, {
          kind: 'zone',
          subject: `zone ${args.zone}`,
          detail: args.disks === 'lost' ? 'it is lost with its disks' : 'it is lost',
          micros: args.for,
          strikes: [`zone ${args.zone}`],
          strike: () => model.ports.loseNodes(model.ports.nodesOf(args.zone), args.disks ?? 'kept'),
        }),
    } as never,
    controller: {
      says: "a controller's process dies, with its broker's where they share one",
      on: () => resources('broker'),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: controller,
      check: (args: Args['controller'], checks: Checks, at: At) => {
        const voters = votersOf(kafkaOf(checks));
        if (args.node !== undefined && !voters.includes(args.node))
          checks.problem(
            [...at, 'node'],
            `node ${args.node} is no voter`,
            `name one of ${voters.slice(0, 12).join(', ')}`,
          );
        checkTimes(checks, at, 'controller', args);
      },
      play: (model: FaultsModel, args: Args['controller']) =>
        begin(model, {
          kind: 'controller',
          subject: args.node === undefined ? 'the active controller' : `controller ${args.node}`,
          detail: 'its process dies',
          micros: args.for ?? 0,
          // In combined mode it is the process of the broker with that id.
          strikes: args.node === undefined ? [] : [`controller ${args.node}`, `broker ${args.node}`],
          strike: () => model.ports.crashController(args.node),
        }),
    } as never,
    network: {
      says: 'a broker, a zone or two zones are cut off from others, or what goes between zones is lost or late',
      on: () => resources('broker'),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: network,
      check: checkNetwork,
      play: (model: FaultsModel, args: Args['network']) => {
        const { ports } = model;
        const way = { loss: args.loss, bursts: burstsOf(args), roundTripMicros: args.roundTrip };
        const degraded = Object.values(way).some((x) => x !== undefined);
        const strike = () => {
          const [from, others] =
            args.between === undefined
              ? [args.zone ?? '', ports.otherZones(args.zone ?? '')]
              : [args.between[0], [args.between[1]]];
          if (degraded) return ports.degradeZones(from, others, way);
          if (args.broker !== undefined) return ports.isolateBroker(args.broker);
          return ports.cutZones(from, others);
        };
        let subject = `zone ${args.zone}`;
        if (args.broker !== undefined) subject = `broker-${args.broker}`;
        if (args.between !== undefined) subject = `zones ${args.between.join(' and ')}`;
        const strikes = args.broker === undefined ? [] : [`network of broker ${args.broker}`];
        begin(model, {
          kind: 'network',
          subject,
          detail: degraded ? 'the network loses or delays what it carries' : 'the network is cut',
          micros: args.for,
          strikes,
          strike,
        });
      },
    } as never,
    disk: {
      says: 'the disk of a log directory fails, until it is replaced by an empty one, or becomes slow',
      on: (args: { readonly broker: number }) => resources('broker', [args.broker]),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: disk,
      check: checkDisk,
      play: (model: FaultsModel, args: Args['disk']) =>
        begin(model, {
          kind: 'disk',
          subject: `broker-${args.broker}`,
          detail: `its disk ${args.directory ?? ''}${args.directory === undefined ? '' : ' '}${args.how === 'slow' ? 'becomes slow' : 'fails'}`,
          micros: args.for,
          strikes: [`disk of broker ${args.broker}`],
          strike: () =>
            args.how === 'slow'
              ? model.ports.slowDisk(args.broker, args.directory, args.read, args.write)
              : model.ports.failDisk(args.broker, args.directory),
        }),
    } as never,
    neighbour: {
      says: 'other pods of a node take bandwidth of its network card and its first disk',
      on: (args: { readonly node: string }) => resources('node', [args.node]),
      undo: { can: 'no', how: 'a fault is not undone, it is waited for or repaired' },
      busy: ['kafka_server_replicamanager_underreplicatedpartitions'],
      args: neighbour,
      check: (args: Args['neighbour'], checks: Checks, at: At) => {
        checkNode(args.node, checks, [...at, 'node']);
        if (!['networkIn', 'networkOut', 'diskRead', 'diskWrite'].some((key) => Object.hasOwn(args, key)))
          checks.problem(
            at,
            'a neighbour that takes nothing',
            'add networkIn, networkOut, diskRead or diskWrite',
          );
        checkTimes(checks, at, 'neighbour', args);
      },
      play: (model: FaultsModel, args: Args['neighbour']) =>
        begin(model, {
          kind: 'neighbour',
          subject: args.node,
          detail: 'a neighbour takes bandwidth',
          micros: args.for,
          strike: () =>
            model.ports.crowdNode(args.node, {
              networkIn: args.networkIn ?? 0,
              networkOut: args.networkOut ?? 0,
              diskRead: args.diskRead ?? 0,
              diskWrite: args.diskWrite ?? 0,
            }),
        }),
    } as never,
  },
  catalogue: faultsCatalogue,
  labels: faultsLabels,
};
