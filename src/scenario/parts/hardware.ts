import { z } from 'zod';
import { hardwareCatalogue, hardwareLabels } from '../../models/hardware/catalogue.ts';
import type { WaySettings } from '../../models/hardware/network.ts';
import { Hardware } from '../../models/hardware/nodes.ts';
import type { BuildContext, Part } from '../part.ts';
import { q } from '../quantity.ts';
import type { KubernetesSettings } from './kubernetes.ts';

const way = z.strictObject({
  roundTrip: q.duration({ min: 0 }).optional(),
  loss: q.ratio({ min: 0, max: 1 }).optional(),
});

const network = z.strictObject({
  betweenZones: way.extend({ dollarsPerGB: q.number({ min: 0 }) }),
  withinZone: way.optional(),
  pairs: z
    .array(
      way.extend({
        zones: z
          .array(z.string().min(1))
          .length(2)
          .meta({ description: 'two zones; one zone twice for what lies within it' }),
      }),
    )
    .optional(),
});

const settings = z.strictObject({
  instanceTypes: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        source: z.string().optional(),
        cores: q.cpu({ min: 0.1 }),
        memory: q.bytes({ min: 1 }),
        network: z.strictObject({
          baseline: q.byteRate({ min: 1 }),
          burst: q.byteRate({ min: 1 }),
          burstFor: q.duration({ min: 0 }),
        }),
        disks: q.count({ min: 1, max: 255 }).optional(),
        disk: z.strictObject({
          read: q.byteRate({ min: 1 }),
          write: q.byteRate({ min: 1 }),
          dollarsPerGBMonth: q
            .number({ min: 0 })
            .meta({ description: 'price of volumes that the price of the instance does not include' })
            .optional(),
        }),
        price: q.money({ min: 0 }),
      }),
    )
    .min(1),
  network: network.optional(),
  purchases: z
    .array(z.strictObject({ name: z.string().min(1), discount: q.ratio({ min: 0, max: 1 }) }))
    .meta({ description: 'other ways to buy instances: how much less than on demand they cost' })
    .optional(),
});
export type HardwareSettings = z.output<typeof settings>;

function wayOf(s: z.output<typeof way> | undefined): WaySettings {
  return { roundTripMicros: s?.roundTrip, loss: s?.loss ?? 0 };
}

export const hardwarePart: Part<HardwareSettings, Hardware> = {
  name: 'hardware',
  says: 'instance types: CPU, memory, network with burst credit, disks, prices; the network between zones',
  needed: true,
  settings,
  check: (s, checks) => {
    const nodes = checks.settings<KubernetesSettings>('kubernetes')?.nodes ?? [];
    const seen = new Set<string>();
    (s.network?.pairs ?? []).forEach((pair, i) => {
      const path = ['hardware', 'network', 'pairs', i];
      for (const zone of pair.zones) {
        if (nodes.length > 0 && !nodes.some((n) => n.zone === zone))
          checks.problem(path, `no node stands in zone ${zone}`, 'name zones of kubernetes.nodes');
      }
      const key = [...pair.zones].sort((x, y) => (x < y ? -1 : 1)).join(' and ');
      if (seen.has(key)) checks.problem(path, `the pair ${key} is listed twice`, 'list each pair once');
      seen.add(key);
    });
    for (const type of s.instanceTypes) {
      if (type.network.burst < type.network.baseline) {
        checks.problem(
          ['hardware', 'instanceTypes', type.name, 'network', 'burst'],
          'the burst is below the baseline',
          'raise burst, or lower baseline',
        );
      }
    }
  },
  create: (s, context: BuildContext) => {
    const { nodes } = context.settings.kubernetes as KubernetesSettings;
    return new Hardware(
      context.sim,
      nodes.map((n) => {
        const type = s.instanceTypes.find((t) => t.name === n.instance)!;
        return {
          name: n.name,
          zone: n.zone,
          instance: {
            name: type.name,
            cores: type.cores,
            memoryBytes: type.memory,
            nicBaseline: type.network.baseline,
            nicBurst: type.network.burst,
            nicBurstMicros: type.network.burstFor,
            disks: type.disks ?? 1,
            diskRead: type.disk.read,
            diskWrite: type.disk.write,
          },
        };
      }),
      {
        betweenZones: wayOf(s.network?.betweenZones),
        withinZone: wayOf(s.network?.withinZone),
        pairs: (s.network?.pairs ?? []).map((p) => ({
          zones: [p.zones[0], p.zones[1]],
          ...(p.roundTrip === undefined ? {} : { roundTripMicros: p.roundTrip }),
          ...(p.loss === undefined ? {} : { loss: p.loss }),
        })),
        dollarsPerByte: (s.network?.betweenZones.dollarsPerGB ?? 0) / 1e9,
      },
    );
  },
  actions: {},
  catalogue: hardwareCatalogue,
  labels: hardwareLabels,
  setInsteadOfWarmed: ['burst credit of network cards: full'],
};
