import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { Platform } from '../../models/kubernetes/platform.ts';
import type { Operations } from '../../models/operations/restarts.ts';
import { canRollController, wouldAffectAvailability } from '../../models/strimzi/availability.ts';
import type { RollerPorts } from '../../models/strimzi/roller.ts';
import type { TopicPorts } from '../../models/strimzi/topicOperator.ts';
import type { Models } from '../part.ts';

/** What the operator sees of the cluster through its admin clients, and the pods it deletes. */
export function strimziToKafka(models: Models): RollerPorts {
  const kafka = models.kafka as KafkaCluster;
  const { pods } = models.kubernetes as Platform;
  const operations = models.operations as Operations;
  const { tables, controller } = kafka;
  return {
    nodes: () =>
      kafka.settings.brokers
        .map((b) => ({ id: b.id, controller: b.controller, broker: true }))
        .sort((x, y) => x.id - y.id),
    isReady: (id) => pods.isReady(kafka.row(id)),
    uid: (id) => pods.uidOf(kafka.row(id)),
    deletePod: (id) => pods.deletePod(kafka.row(id)),
    podsChanged: pods.changed,
    activeController: () => controller.active,
    brokerBlocked: (id) => {
      const broker = kafka.row(id);
      for (const replica of tables.hosted(broker)) {
        const p = Math.floor(replica / tables.stride);
        const view = {
          name: tables.partitionName(p),
          replicas: tables.replicationFactor(p),
          inSync: tables.isrCount[p],
          minInSync: kafka.settings.topics[tables.topic[p]].minInSyncReplicas,
          brokerInSync: tables.inSync[replica] === 1,
        };
        if (wouldAffectAvailability(view))
          return `${view.name} has ${view.inSync} replicas in sync and needs ${view.minInSync}`;
      }
      return undefined;
    },
    controllerMayRoll: (id) =>
      canRollController(
        id,
        controller.active,
        controller.quorum.voterIds.map((voter) => ({
          id: voter,
          lastCaughtUpMs: controller.quorum.lastCaughtUpMs(voter),
        })),
      ),
    restartBegins: (id) => operations.noteStart(id),
  };
}

/** What the topic operator asks of the cluster through its admin client. */
export function topicOperatorToKafka(models: Models): TopicPorts {
  const kafka = models.kafka as KafkaCluster;
  const row = (name: string) => kafka.settings.topics.findIndex((t) => t.name === name);
  return {
    partitions: (name) => kafka.tables.partitionsOf[row(name)],
    createPartitions: (name, count) => kafka.topics.createPartitions(row(name), count),
  };
}
