import type { Result } from '../../src/experiment/result.ts';
import type { RunOptions } from '../../src/experiment/run.ts';
import { run } from './files.ts';
import { smallScenario } from './leafCases.ts';

type Json = Readonly<Record<string, unknown>>;

/** The small cluster of the leaf keys with Connect and the topics that it needs, as YAML in JSON. */
export function connectScenario(over: {
  readonly workers?: readonly string[];
  readonly connectors: readonly Json[];
  readonly config?: Json;
  readonly timing?: Json;
  readonly topics?: readonly Json[];
  readonly timeline: readonly Json[];
  readonly to?: string;
  readonly more?: Json;
}): Json {
  const base = smallScenario as unknown as {
    readonly extends: readonly string[];
    readonly kafka: { readonly topics: readonly Json[]; readonly consumerGroups: readonly Json[] };
  };
  return {
    ...base,
    extends: [...base.extends, 'models/connect/kafka-connect-3.7.yaml'],
    to: over.to ?? '+20m',
    kafka: {
      ...base.kafka,
      topics: [
        ...base.kafka.topics,
        { name: '__consumer_offsets', partitions: 50, bytesIn: '0B/s', messagesIn: '0/s' },
        ...(over.topics ?? []),
      ],
    },
    connect: {
      config: over.config ?? {},
      timing: { taskStop: '1s', taskStart: '2s', workerStart: '20s', ...over.timing },
      workers: over.workers ?? ['w0', 'w1', 'w2'],
      connectors: over.connectors,
    },
    timeline: over.timeline,
    ...over.more,
  };
}

export function playConnect(
  over: Parameters<typeof connectScenario>[0],
  options: Partial<RunOptions> = {},
): Result {
  return run('connect.yaml', options, { 'connect.yaml': JSON.stringify(connectScenario(over)) });
}
