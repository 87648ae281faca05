import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';
import type { BrokerPorts } from '../../models/operations/restarts.ts';
import type { Operator } from '../../models/strimzi/operator.ts';
import type { Models } from '../part.ts';

/** What somebody who follows a runbook sees of the cluster, and the pods they delete. */
export function operationsToKafka(models: Models): BrokerPorts {
  const kafka = models.kafka as KafkaCluster;
  const { pods } = models.kubernetes as Platform;
  return {
    ids: () => kafka.settings.brokers.map((b) => b.id),
    isReady: (id) => pods.isReady(kafka.row(id)),
    isInSync: (id) => kafka.gauges.outOfSync.get(kafka.row(id)) === 0,
    restart: (id, drainMicros, downMicros) =>
      pods.deletePod(kafka.row(id), {
        ...(drainMicros === undefined ? {} : { drainMicros }),
        ...(downMicros === undefined ? {} : { downMicros }),
      }),
    wipe: (id) => pods.replaceVolume(kafka.row(id)),
    changed: pods.changed,
    remember: (id) => {
      const operator = models.strimzi as Operator;
      const before = operator.specOf(id);
      return () => operator.restore(new Map([[id, before]]));
    },
  };
}
