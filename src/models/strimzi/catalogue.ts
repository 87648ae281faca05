import type { Catalogue } from '../../engine/catalogue.ts';
import { type Operator, podOptions } from './operator.ts';
import { rebalanceStates } from './rebalance.ts';

export const strimziCatalogue: Catalogue = {
  metrics: [
    {
      name: 'rehearse:pod_option',
      type: 'gauge',
      unit: '',
      labels: ['broker', 'option'],
      help: "A JVM option or a resource in the specification of a broker's pod, in the unit of its name; 0 where it is not set.",
      source: 'ours; spec.kafka.jvmOptions and spec.kafka.resources, Strimzi 0.42',
    },
    {
      name: 'rehearse:kafka_rebalances',
      type: 'gauge',
      unit: '',
      labels: ['state'],
      help: 'KafkaRebalance resources in this state.',
      source: 'ours; KafkaRebalanceState, Strimzi 0.42',
    },
    {
      name: 'rehearse:kafka_rebalance_seconds',
      type: 'gauge',
      unit: 's',
      labels: [],
      help: 'From the making of a KafkaRebalance resource until the operator saw its end, of the latest.',
      source: 'ours',
    },
    {
      name: 'strimzi_certificate_expiration_timestamp_ms',
      type: 'gauge',
      unit: 'ms',
      labels: ['type'],
      help: 'When the certificate of an authority of the operator ends, Unix time.',
      source: 'Strimzi 0.42, MetricsHolder',
    },
  ],
  events: [
    {
      name: 'strimzi.caRenewed',
      lane: 'operator',
      says: 'the operator renews the {subject}, {detail}',
      step: true,
    },
    { name: 'strimzi.reconciliation', lane: 'operator', says: 'the operator reconciles: {detail}' },
    { name: 'strimzi.roll', lane: '{subject}', says: 'the operator rolls {subject}: {detail}' },
    { name: 'strimzi.rollDelayed', lane: '{subject}', says: 'the roll of {subject} waits: {detail}' },
    {
      name: 'strimzi.rollFailed',
      lane: '{subject}',
      says: 'the roll of {subject} is given up in this reconciliation: {detail}',
    },
    { name: 'strimzi.rollAborted', lane: 'operator', says: 'the reconciliation is aborted: {detail}' },
    { name: 'strimzi.rolled', lane: 'operator', says: '{detail}' },
    { name: 'strimzi.rebalance', lane: 'operator', says: 'KafkaRebalance {subject} is {detail}' },
    {
      name: 'strimzi.topicChanged',
      lane: 'operator',
      says: 'the topic operator takes {subject} from {detail}',
    },
    { name: 'strimzi.topicNotReady', lane: 'operator', says: 'KafkaTopic {subject} is not ready: {detail}' },
    {
      name: 'strimzi.topicUnmanaged',
      lane: 'operator',
      says: 'KafkaTopic {subject} asks for {detail} and is not managed: nothing happens',
    },
    { name: 'strimzi.nothingToRoll', lane: 'operator', says: 'nothing to roll: {detail}' },
  ],
  risks: [],
  panels: [],
};

export function strimziLabels(
  operator: Operator,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  if (name === 'strimzi_certificate_expiration_timestamp_ms')
    return (row) => ({ type: operator.authorities.typeOf(row) });
  if (name === 'rehearse:kafka_rebalances') return (row) => ({ state: rebalanceStates[row] });
  if (name === 'rehearse:kafka_rebalance_seconds') return () => ({});
  if (name !== 'rehearse:pod_option') return undefined;
  return (row) => ({
    broker: String(operator.ids[Math.floor(row / podOptions.length)]),
    option: podOptions[row % podOptions.length],
  });
}
