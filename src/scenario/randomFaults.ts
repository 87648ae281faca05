import { z } from 'zod';
import type { Distribution } from '../engine/distributions.ts';
import { exponential } from '../engine/distributions.ts';
import type { FailingItem } from '../models/faults/random.ts';
import type { Checks } from './checks.ts';
import type { Disks, FaultPorts } from './connections/faultsToPlatform.ts';
import { directoriesIn, type KafkaPartSettings } from './parts/kafka.ts';
import type { KubernetesSettings } from './parts/kubernetes.ts';
import { q } from './quantity.ts';

const second = 1_000_000;
const disks = z
  .enum(['kept', 'lost'])
  .meta({ description: 'whether the local disks come back with the machine (kept), or empty ones do' })
  .optional();

const chance = {
  mtbf: q.duration({ min: second }).optional().meta({
    description: 'mean time from a repair to the next failure of one item; the times are exponential',
  }),
  between: q.varying
    .duration({ min: second })
    .optional()
    .meta({ description: 'the times from a repair to the next failure, where they are not exponential' }),
  repair: q.varying.duration({ min: 1 }).meta({ description: 'from the failure until it is mended' }),
};

const wholeZone = q.ratio({ min: 0, max: 1 }).optional().meta({
  description: 'share of the failures of a node that take its whole zone at once: the beta factor',
});

export const randomSettings = z.strictObject({
  broker: z.strictObject(chance).optional().meta({ description: 'processes of brokers, each by itself' }),
  node: z
    .strictObject({ ...chance, wholeZone, disks })
    .optional()
    .meta({ description: 'machines that carry a broker or a controller' }),
  zone: z.strictObject({ ...chance, disks }).optional(),
  controller: z.strictObject(chance).optional().meta({ description: 'processes of voters' }),
  disk: z.strictObject(chance).optional().meta({
    description: 'disks of log directories, each by itself; an empty one takes the place of a failed one',
  }),
  network: z.strictObject(chance).optional().meta({ description: 'network cards of brokers' }),
});
export type RandomSettings = z.output<typeof randomSettings>;
type Chance = NonNullable<RandomSettings['broker']>;

const kinds = ['broker', 'node', 'zone', 'controller', 'disk', 'network'] as const;

export function checkRandom(random: RandomSettings, checks: Checks): void {
  for (const kind of kinds) {
    const given = random[kind];
    if (given === undefined || (given.mtbf === undefined) !== (given.between === undefined)) continue;
    checks.problem(
      ['faults', 'random', kind],
      given.mtbf === undefined ? 'neither mtbf nor between' : 'both mtbf and between',
      'give mtbf: for exponential times, or between: for others',
    );
  }
}

function times({ mtbf, between }: Chance): Distribution {
  return between ?? exponential(mtbf!);
}

/** The same times, so many times as long. */
function stretched(times: Distribution, factor: number): Distribution {
  return {
    sample: (u) => factor * times.sample(u),
    mean: factor * times.mean,
    draws: times.draws,
    says: `${factor} times ${times.says}`,
  };
}

/**
 * Everything that fails by chance on a platform.
 *
 * `wholeZone` is the beta-factor model of failures by a common cause: of a machine's failure rate λ, βλ is common to all machines of its zone
 * and (1 - β)λ its own (K. N. Fleming, "A reliability model for common mode failure in redundant safety systems" (1975), General Atomic report
 * GA-A13284). So each machine fails as often as without it, and a zone fails by common cause once in mtbf / β. Times that are not
 * exponential are stretched by the same factors, which keeps their mean and their shape.
 */
export function failingItems(
  random: RandomSettings,
  kafka: KafkaPartSettings,
  { nodes }: KubernetesSettings,
  ports: FaultPorts,
): FailingItem[] {
  const items: FailingItem[] = [];
  const zoneOf = new Map(nodes.map((n) => [n.name, n.zone]));
  const carried = (node: string | undefined) =>
    node === undefined ? [] : [`node ${node}`, `zone ${zoneOf.get(node)}`];
  const carrying = new Set([...kafka.brokers.map((b) => b.node), ...(kafka.controllers.nodes ?? [])]);
  const zones = [...new Set(nodes.filter((n) => carrying.has(n.name)).map((n) => n.zone))];
  const dedicated = kafka.controllers.mode === 'dedicated';
  const add = (
    given: Chance,
    item: Omit<FailingItem, 'between' | 'repair' | 'within'> & { readonly carriedBy: readonly string[] },
    stretch = 1,
  ) => {
    const { carriedBy, ...rest } = item;
    const between = stretch === 1 ? times(given) : stretched(times(given), stretch);
    items.push({ ...rest, between, repair: given.repair, within: [...item.strikes, ...carriedBy] });
  };
  const zoneFault = (zone: string, lost: Disks, entity: string, cause: string) => ({
    kind: 'zone' as const,
    subject: `zone ${zone}`,
    detail: `${cause}${lost === 'lost' ? ', with its disks' : ''}`,
    entity,
    strikes: [`zone ${zone}`],
    carriedBy: [],
    strike: () => ports.loseNodes(ports.nodesOf(zone), lost),
  });

  if (random.broker !== undefined) {
    for (const { id, node } of kafka.brokers) {
      add(random.broker, {
        kind: 'broker',
        subject: `broker-${id}`,
        detail: 'its process dies',
        entity: `faults/broker/${id}`,
        strikes: [`broker ${id}`],
        carriedBy: carried(node),
        strike: () => ports.crashBroker(id),
      });
    }
  }
  if (random.node !== undefined) {
    const { wholeZone: beta = 0, disks: lost = 'kept' } = random.node;
    for (const { name } of beta < 1 ? nodes.filter((n) => carrying.has(n.name)) : []) {
      add(
        random.node,
        {
          kind: 'node',
          subject: name,
          detail: lost === 'lost' ? 'it is lost with its disks' : 'it is lost',
          entity: `faults/node/${name}`,
          strikes: [`node ${name}`],
          carriedBy: carried(name),
          strike: () => ports.loseNodes([name], lost),
        },
        1 / (1 - beta),
      );
    }
    for (const zone of beta > 0 ? zones : []) {
      const cause = 'its machines are lost by one cause';
      add(random.node, zoneFault(zone, lost, `faults/commonCause/${zone}`, cause), 1 / beta);
    }
  }
  if (random.zone !== undefined) {
    for (const zone of zones)
      add(random.zone, zoneFault(zone, random.zone.disks ?? 'kept', `faults/zone/${zone}`, 'it is lost'));
  }
  if (random.controller !== undefined) {
    const voters = dedicated
      ? (kafka.controllers.ids ?? []).map((id, i) => ({ id, node: kafka.controllers.nodes?.[i] }))
      : kafka.brokers.filter((b) => b.controller === true);
    for (const { id, node } of voters) {
      add(random.controller, {
        kind: 'controller',
        subject: `controller ${id}`,
        detail: 'its process dies',
        entity: `faults/controller/${id}`,
        strikes: [dedicated ? `controller ${id}` : `broker ${id}`],
        carriedBy: carried(node),
        strike: () => ports.crashController(id),
      });
    }
  }
  if (random.disk !== undefined) {
    for (const broker of kafka.brokers) {
      const { id, node } = broker;
      for (const { name } of directoriesIn(broker)) {
        add(random.disk, {
          kind: 'disk',
          subject: `broker-${id}`,
          detail: `its disk ${name} fails`,
          entity: `faults/disk/${id}/${name}`,
          strikes: [`disk ${name} of broker ${id}`],
          carriedBy: [`disk of broker ${id}`, ...carried(node)],
          strike: () => ports.failDisk(id, name),
        });
      }
    }
  }
  if (random.network !== undefined) {
    for (const { id, node } of kafka.brokers) {
      add(random.network, {
        kind: 'network',
        subject: `broker-${id}`,
        detail: 'the network is cut',
        entity: `faults/network/${id}`,
        strikes: [`network of broker ${id}`],
        carriedBy: [`broker ${id}`, ...carried(node)],
        strike: () => ports.isolateBroker(id),
      });
    }
  }
  return items;
}
