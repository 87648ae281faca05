import { stringify } from 'yaml';
import { UsageError } from './exitCodes.ts';
import type { Given } from './verbs.ts';

/** An Indexed Job (batch/v1) whose pods play one shard each, into a volume that they share; `merge` puts them together. */
export function jobManifest(
  kind: string,
  given: Given,
  scenario: string,
  vary: readonly string[],
  runs: number,
): string {
  if (kind !== 'kubernetes')
    throw new UsageError(
      `--manifest ${kind}: there is no such manifest\n  mend: write --manifest kubernetes`,
    );
  const shards = given.count('shards') ?? 16;
  if (shards < 1 || shards > 10_000) throw new UsageError(`--shards ${shards}\n  mend: write 1 to 10000`);
  const seed = given.text('seed');
  const command = ['npx', 'rehearse', 'sweep', scenario, '--vary', ...vary, '--replications', String(runs)];
  const design = given.text('design');
  if (design !== undefined) command.push('--design', design);
  if (given.list('of').length > 0) command.push('--of', ...given.list('of'));
  if (seed !== undefined) command.push('--seed', seed);
  command.push('--workers', '1', '--shard', `env/${shards}`, '--out', '/shards');
  return stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'rehearse-sweep' },
    spec: {
      completionMode: 'Indexed',
      completions: shards,
      parallelism: shards,
      backoffLimitPerIndex: 3,
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [
            {
              name: 'shard',
              image: given.text('image') ?? 'node:24',
              command,
              resources: { requests: { cpu: '1', memory: '1Gi' } },
              volumeMounts: [{ name: 'shards', mountPath: '/shards' }],
            },
          ],
          volumes: [{ name: 'shards', persistentVolumeClaim: { claimName: 'rehearse-shards' } }],
        },
      },
    },
  });
}
