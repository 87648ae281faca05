import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import type { Pods } from '../../models/kubernetes/pod.ts';
import type { Operations } from '../../models/operations/restarts.ts';
import type { Models } from '../part.ts';

/** A broker is what runs in a pod; pod and broker of one node id have the same row. */
export function connectKubernetesToKafka(pods: Pods, models: Models): void {
  const kafka = models.kafka as KafkaCluster;
  const operations = () => models.operations as Operations | undefined;
  const idOf = (row: number) => kafka.settings.brokers[row].id;
  pods.connect({
    start: (pod, runningAt) => kafka.brokers.start(pod, runningAt),
    terminate: (pod, exitAt) => kafka.brokers.stop(pod, exitAt),
    kill: (pod) => kafka.brokers.kill(pod, 'SIGKILL'),
    lose: (pod) => kafka.brokers.loseHost(pod),
    healthy: (pod) => kafka.brokers.isRunning(pod),
    wipe: (pod) => kafka.brokers.wipe(pod),
  });
  kafka.brokers.onExited = (broker) => {
    operations()?.noteExit(idOf(broker));
    pods.exited(broker);
  };
  kafka.brokers.onHealth = (broker) => {
    pods.healthChanged(broker);
    kafka.changed.raise();
  };
  kafka.brokers.onMembership = (broker) => {
    if (kafka.gauges.outOfSync.get(broker) === 0) operations()?.noteInSync(idOf(broker));
    kafka.changed.raise();
    pods.changed.raise();
  };
  pods.onReady = (pod) => operations()?.noteReady(idOf(pod));
}
