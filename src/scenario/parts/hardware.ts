import { z } from 'zod';
import { hardwareCatalogue, hardwareLabels } from '../../models/hardware/catalogue.ts';
import { Hardware } from '../../models/hardware/nodes.ts';
import type { BuildContext, Part } from '../part.ts';
import { q } from '../quantity.ts';
import type { KubernetesSettings } from './kubernetes.ts';

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
        disk: z.strictObject({ read: q.byteRate({ min: 1 }), write: q.byteRate({ min: 1 }) }),
        price: q.money({ min: 0 }),
      }),
    )
    .min(1),
});
export type HardwareSettings = z.output<typeof settings>;

export const hardwarePart: Part<HardwareSettings, Hardware> = {
  name: 'hardware',
  says: 'instance types: CPU, memory, network with burst credit, disks, prices',
  needed: true,
  settings,
  check: (s, checks) => {
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
            dollarsPerHour: type.price,
          },
        };
      }),
    );
  },
  actions: {},
  catalogue: hardwareCatalogue,
  labels: hardwareLabels,
  setInsteadOfWarmed: ['burst credit of network cards: full'],
};
