import type { Catalogue, Metric } from '../../engine/catalogue.ts';
import type { KafkaCluster } from './cluster.ts';
import { stageRow, totalTimeRow } from './latency.ts';
import { linkKinds } from './saturation.ts';
import { throttleSides } from './throttle.ts';
import { crossingKinds } from './traffic.ts';

const kafka37 = 'Kafka 3.7, names as the JMX exporter rules of Strimzi write them';
const manager = 'kafka_server_replicamanager';
const controller = 'kafka_controller_kafkacontroller';
const topicMetrics = 'kafka_server_brokertopicmetrics';

function metric(name: string, unit: string, labels: readonly string[], help: string, source: string): Metric {
  return { name, type: name.endsWith('_total') ? 'counter' : 'gauge', unit, labels, help, source };
}

const byBroker = ['broker'] as const;
const byDirectory = ['broker', 'directory'] as const;

export const kafkaCatalogue: Catalogue = {
  metrics: [
    metric(
      `${manager}_underreplicatedpartitions`,
      '',
      byBroker,
      'Partitions that this broker leads with fewer replicas in sync than replicas.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_underminisrpartitioncount`,
      '',
      byBroker,
      'Partitions that this broker leads with fewer replicas in sync than min.insync.replicas.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_atminisrpartitioncount`,
      '',
      byBroker,
      'Partitions that this broker leads with just min.insync.replicas in sync.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_partitioncount`,
      '',
      byBroker,
      'Replicas that this broker hosts on log directories that are online.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_leadercount`,
      '',
      byBroker,
      'Partitions that this broker leads, as far as it knows.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_reassigningpartitions`,
      '',
      byBroker,
      'Partitions that this broker leads and whose replicas are being moved.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_reassignmentbytesin_total`,
      'B',
      byBroker,
      'Bytes that this broker copied for replicas which a reassignment adds to it; what they take in once they have caught up is not counted.',
      `BrokerTopicStats, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_reassignmentbytesout_total`,
      'B',
      byBroker,
      'Bytes that replicas which a reassignment adds copied from this broker.',
      `BrokerTopicStats, ${kafka37}`,
    ),
    metric(
      'rehearse:reassignment_remaining_bytes',
      'B',
      byBroker,
      'Bytes that replicas which are being added to this broker have still to copy.',
      'ours',
    ),
    metric(
      'rehearse:reassignments',
      '',
      [],
      'Partitions whose replicas are being moved, as the controller knows.',
      'ours',
    ),
    metric(
      'rehearse:reassignments_completed_total',
      '',
      [],
      'Moves of a partition that are complete.',
      'ours',
    ),
    metric(
      'rehearse:reassignment_seconds',
      's',
      [],
      'The longest time from the beginning of a move of a partition to its completion; 0 before the first.',
      'ours',
    ),
    metric(
      'rehearse:reassignment_latest_seconds',
      's',
      [],
      'The same of the move that was completed last.',
      'ours',
    ),
    metric(
      'rehearse:replication_throttle_bytes_per_second',
      'B/s',
      ['broker', 'side'],
      'leader.replication.throttled.rate and follower.replication.throttled.rate of a broker; 0 where there is none.',
      'ReplicationQuotaManager, Kafka 3.7',
    ),
    metric(
      `${manager}_offlinereplicacount`,
      '',
      byBroker,
      'Replicas on log directories that are offline.',
      `ReplicaManager, ${kafka37}`,
    ),
    metric(
      `${manager}_isrshrinks_total`,
      '',
      byBroker,
      "ISR shrinks that this leader asked for; a controlled shutdown is the controller's and does not count.",
      `Partition.alterPartitionListener, ${kafka37}`,
    ),
    metric(
      `${manager}_isrexpands_total`,
      '',
      byBroker,
      'ISR expansions that this leader asked for.',
      `Partition.alterPartitionListener, ${kafka37}`,
    ),
    metric(
      `${manager}_failedisrupdates_total`,
      '',
      byBroker,
      'ISR changes that the controller refused.',
      `Partition.alterPartitionListener, ${kafka37}`,
    ),
    metric(
      `${controller}_globalpartitioncount`,
      '',
      [],
      'Partitions of the cluster.',
      `ControllerMetadataMetricsPublisher, ${kafka37}`,
    ),
    metric(
      `${controller}_offlinepartitionscount`,
      '',
      [],
      'Partitions of the cluster without a leader.',
      `ControllerMetadataMetricsPublisher, ${kafka37}`,
    ),
    metric(
      `${controller}_preferredreplicaimbalancecount`,
      '',
      [],
      'Partitions whose leader is not their first replica.',
      `ControllerMetadataMetricsPublisher, ${kafka37}`,
    ),
    metric(
      `${controller}_activebrokercount`,
      '',
      [],
      'Brokers that are registered and unfenced.',
      `ControllerMetadataMetricsPublisher, ${kafka37}`,
    ),
    metric(
      `${controller}_fencedbrokercount`,
      '',
      [],
      'Brokers that are registered and fenced.',
      `ControllerMetadataMetricsPublisher, ${kafka37}`,
    ),
    metric(
      `${controller}_activecontrollercount`,
      '',
      ['node'],
      '1 on the active controller.',
      `QuorumController, ${kafka37}`,
    ),
    metric(
      'kafka_cluster_partition_underreplicated',
      '',
      ['topic', 'partition'],
      '1 while the partition is under-replicated.',
      `Partition, ${kafka37}`,
    ),
    metric(
      'kafka_cluster_partition_insyncreplicascount',
      '',
      ['topic', 'partition'],
      'Replicas in sync; 0 without a leader.',
      `Partition, ${kafka37}`,
    ),
    metric(
      'kafka_cluster_partition_replicascount',
      '',
      ['topic', 'partition'],
      'Replicas of the partition.',
      `Partition, ${kafka37}`,
    ),
    metric(
      'kafka_server_kafkaserver_brokerstate',
      '',
      byBroker,
      '0 not running, 1 starting, 2 recovery, 3 running, 6 pending controlled shutdown, 7 shutting down.',
      `BrokerState, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_bytesin_total`,
      'B',
      byBroker,
      'Bytes that producers wrote to this broker.',
      `BrokerTopicMetrics, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_bytesout_total`,
      'B',
      byBroker,
      'Bytes that consumers read from this broker.',
      `BrokerTopicMetrics, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_messagesin_total`,
      'messages',
      byBroker,
      'Messages that producers wrote to this broker.',
      `BrokerTopicMetrics, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_replicationbytesin_total`,
      'B',
      byBroker,
      'Bytes that this broker fetched from other brokers.',
      `BrokerTopicMetrics, ${kafka37}`,
    ),
    metric(
      `${topicMetrics}_replicationbytesout_total`,
      'B',
      byBroker,
      'Bytes that other brokers fetched from this broker.',
      `BrokerTopicMetrics, ${kafka37}`,
    ),
    metric(
      'rehearse:messages_out_total',
      'messages',
      byBroker,
      'Messages that consumers read from this broker.',
      "ours: bytes out by the topics' message sizes",
    ),
    metric(
      'kafka_consumergroup_lag_sum',
      'messages',
      ['consumergroup', 'topic'],
      "Messages between the group's offsets and the high watermark.",
      'kafka_exporter, kafka_consumergroup_lag_sum',
    ),
    metric(
      'rehearse:group_coordinator_moves_total',
      '',
      ['consumergroup', 'owner'],
      "Moves of the group's coordinator. A move causes no rebalance.",
      'ours; GroupMetadataManager, Kafka 3.7',
    ),
    metric(
      'rehearse:group_coordinator_pause_seconds',
      's',
      ['consumergroup', 'owner'],
      'How long commits waited at the latest move of the coordinator.',
      'ours',
    ),
    metric(
      'kafka_consumergroup_lag',
      'messages',
      ['consumergroup', 'topic', 'partition'],
      'Messages that wait at a partition of a group with members; kept for up to 10,000 partitions.',
      'kafka_exporter, kafka_consumergroup_lag',
    ),
    metric(
      'kafka_consumergroup_members',
      '',
      ['consumergroup'],
      'Members that the coordinator counts, also those whose session has not ended yet.',
      'kafka_exporter, kafka_consumergroup_members',
    ),
    metric(
      'rehearse:group_members_assigned',
      '',
      ['consumergroup'],
      'Members that read a partition; the others are idle or away.',
      'ours',
    ),
    metric(
      'rehearse:group_rebalances_total',
      '',
      ['consumergroup'],
      'Generations (classic) or epochs (KIP-848) that the group has begun.',
      'ours; GroupMetadata.initNextGeneration, Kafka 3.7',
    ),
    metric(
      'rehearse:group_stopped_seconds_total',
      's',
      ['consumergroup'],
      'How long some partition of the group had no member that reads it.',
      'ours',
    ),
    metric(
      'rehearse:group_stopped_partition_seconds_total',
      's',
      ['consumergroup'],
      'The same, times the partitions that were not read.',
      'ours',
    ),
    metric(
      'rehearse:messages_skipped_total',
      'messages',
      ['consumergroup', 'topic'],
      'Messages of new partitions that the group passed over, as it began at the latest offset.',
      'ours; ConsumerConfig, auto.offset.reset',
    ),
    metric(
      'rehearse:replicas_out_of_sync',
      '',
      byBroker,
      'Replicas on this broker that are not in their ISR.',
      'ours',
    ),
    metric('rehearse:brokers_out_of_sync', '', [], 'Brokers with a replica that is not in its ISR.', 'ours'),
    metric(
      'rehearse:cluster_underreplicated_partitions',
      '',
      [],
      'Under-replicated partitions of the cluster, as the controller knows them.',
      'ours',
    ),
    metric(
      'rehearse:topic_underreplicated_partitions',
      '',
      ['topic'],
      'Under-replicated partitions of a topic, cluster-wide.',
      'ours',
    ),
    metric(
      'rehearse:isr_recovery_seconds',
      's',
      byBroker,
      'From fetching again to the return of the last replica to its ISR, of the latest return; 0 before the first.',
      'ours',
    ),
    metric(
      'rehearse:isr_recoveries_total',
      '',
      byBroker,
      'Returns of all replicas of a broker to their ISRs.',
      'ours',
    ),
    metric(
      'rehearse:at_min_isr_minutes',
      'min',
      [],
      'Minutes with a partition at min.insync.replicas: one more failure blocks its producers.',
      'ours',
    ),
    metric(
      'rehearse:under_min_isr_minutes',
      'min',
      [],
      'Minutes with a partition under min.insync.replicas.',
      'ours',
    ),
    metric('rehearse:unavailable_partitions', '', [], 'Partitions without a leader that serves.', 'ours'),
    metric(
      'rehearse:offline_partition_seconds_total',
      's',
      [],
      'Partition-seconds without a leader that serves, moves of leaders left out.',
      'ours',
    ),
    metric(
      'rehearse:unavailable_partition_seconds_total',
      's',
      [],
      'Partition-seconds without a leader that serves, moves of leaders included.',
      'ours',
    ),
    metric(
      'rehearse:outage_partition_seconds_total',
      's',
      [],
      'Partition-seconds without a leader that serves, beyond what a failover takes with an election of the controller before it.',
      'ours; QuorumState and ClusterControlManager, Kafka 3.7',
    ),
    metric(
      'rehearse:write_blocked_partitions',
      '',
      [],
      "Partitions that producers with the topic's acks cannot write.",
      'ours',
    ),
    metric(
      'rehearse:write_blocked_partition_seconds_total',
      's',
      [],
      'Partition-seconds in which producers could not write.',
      'ours',
    ),
    metric(
      'rehearse:failed_sends_total',
      'messages',
      ['topic', 'owner'],
      'Sends that failed at the application: too old, or blocked for max.block.ms.',
      'ours; ProducerConfig, Kafka 3.7',
    ),
    metric(
      'rehearse:admitted_write_ratio',
      'ratio',
      ['topic'],
      'Share of what producers offer that is written as it comes; the rest waits for a saturated link or a partition that cannot be written, or fails.',
      'ours',
    ),
    metric(
      'rehearse:saturated_links',
      '',
      byBroker,
      'Links of a broker that steady traffic asks for more than they have: its card in and out, its disk, connections of its fetcher threads. Not those where only followers without acks=all lag.',
      'ours',
    ),
    metric(
      'rehearse:link_saturated_seconds_total',
      's',
      ['broker', 'link'],
      'Seconds for which a link was saturated.',
      'ours',
    ),
    metric(
      'rehearse:cross_zone_bytes_total',
      'B',
      ['kind'],
      'Bytes between brokers or clients in different zones; clients whose zone nothing says are spread evenly over the zones.',
      'ours',
    ),
    metric(
      'rehearse:cross_zone_cost_dollars_total',
      '$',
      ['kind'],
      'What these bytes cost.',
      'ours; the price in the hardware file',
    ),
    metric(
      'rehearse:retried_sends_total',
      'messages',
      ['topic', 'owner'],
      'Sends that met an error and were tried again.',
      'ours',
    ),
    metric(
      'rehearse:duplicate_messages_total',
      'messages',
      ['topic', 'owner'],
      'Messages that producers without idempotence sent again although they were in the log.',
      'ours; Sender, Kafka 3.7',
    ),
    metric(
      'rehearse:possibly_lost_bytes',
      'B',
      ['topic', 'owner'],
      'Bytes acknowledged and then lost by an unclean election.',
      'ours',
    ),
    metric(
      'rehearse:lost_with_disk_bytes',
      'B',
      ['topic', 'owner'],
      'Bytes that were lost with the disk of the only replica in sync.',
      'ours',
    ),
    metric(
      'rehearse:log_disk_used_bytes',
      'B',
      byBroker,
      "Bytes in the broker's log directories, deleted files that are still there included.",
      'ours; LogManager, Kafka 3.7',
    ),
    metric(
      'rehearse:log_disk_capacity_bytes',
      'B',
      byBroker,
      "Size of the broker's log directories.",
      'ours',
    ),
    metric(
      'rehearse:log_disk_full_seconds',
      's',
      byBroker,
      'When a log directory was full first, seconds from the start; 0 while none was.',
      'ours',
    ),
    metric(
      'rehearse:log_directory_used_bytes',
      'B',
      byDirectory,
      'Bytes in a log directory, deleted files that are still there included.',
      'ours; LogManager, Kafka 3.7',
    ),
    metric('rehearse:log_directory_capacity_bytes', 'B', byDirectory, 'Size of a log directory.', 'ours'),
    metric(
      'kafka_log_logmanager_logdirectoryoffline',
      '',
      byDirectory,
      '1 while the broker cannot use the log directory.',
      `LogManager, ${kafka37}; label directory in place of logDirectory`,
    ),
    metric(
      'kafka_log_logmanager_offlinelogdirectorycount',
      '',
      byBroker,
      'Log directories that the broker cannot use.',
      `LogManager, ${kafka37}`,
    ),
    metric(
      'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent',
      '',
      byBroker,
      'Share of time in which io threads wait for requests: 0 to 1.',
      `KafkaRequestHandlerPool, ${kafka37}`,
    ),
    metric(
      'kafka_network_socketserver_networkprocessoravgidle_percent',
      '',
      byBroker,
      'Share of time in which network threads wait in select: 0 to 1.',
      `SocketServer, ${kafka37}`,
    ),
    {
      ...metric(
        'kafka_network_requestmetrics_totaltimems',
        'ms',
        ['request', 'quantile', 'broker'],
        'Time of a request at the broker, from when it was read: quantile of the last minute, by samples; 0 without requests.',
        `RequestMetrics, ${kafka37}`,
      ),
      sampled: true,
    },
    {
      ...metric(
        'rehearse:request_latency_ms',
        'ms',
        ['request', 'acks', 'side', 'quantile'],
        'Latency over the period and all brokers, by samples: broker from when the request was read, client from when it was wanted.',
        'ours; RequestMetrics, Kafka 3.7',
      ),
      sampled: true,
    },
    {
      ...metric(
        'rehearse:request_stage_ms',
        'ms',
        ['request', 'stage'],
        'Mean time of requests in each part of their way; from RequestQueue on as Kafka counts them.',
        'ours; RequestMetrics, Kafka 3.7',
      ),
      sampled: true,
    },
    metric(
      'rehearse:request_overload_ratio',
      '',
      byBroker,
      "By what share more is asked than the tightest of thread pools, producers' connections and followers' fetchers can do; 0 where all can be done.",
      'ours',
    ),
    metric(
      'rehearse:page_cache_bytes',
      'B',
      byBroker,
      "Memory left for the page cache in the broker's container.",
      'ours',
    ),
    metric(
      'rehearse:page_cache_age_seconds',
      's',
      byBroker,
      'Age of the oldest bytes in the page cache: who lags by more reads from disk; 1,000,000 at most.',
      "ours, after the memory rule of Kafka's operations guide",
    ),
    metric(
      'rehearse:cold_read_bytes_per_second',
      'B/s',
      byBroker,
      'Bytes that the broker reads from disk for consumers and followers that lag.',
      'ours',
    ),
  ],
  events: [
    {
      name: 'kafka.reassignmentStarted',
      lane: 'reassignment',
      says: 'the controller takes up the reassignment of {detail}',
    },
    { name: 'kafka.reassignmentCompleted', lane: 'reassignment', says: '{subject} has moved {detail}' },
    { name: 'kafka.reassignmentCancelled', lane: 'reassignment', says: 'the move of {subject} is cancelled' },
    {
      name: 'kafka.reassignmentRefused',
      lane: 'reassignment',
      says: 'the move of {subject} is refused: {detail}',
    },
    { name: 'kafka.nothingToCancel', lane: 'reassignment', says: 'there is no move to cancel' },
    { name: 'kafka.throttleRemoved', lane: 'reassignment', says: 'replication throttles are removed' },
    { name: 'kafka.partitionsCreated', lane: 'topics', says: '{subject} grows from {detail}' },
    {
      name: 'kafka.partitionsFound',
      lane: 'topics',
      says: 'the new partitions of {subject} are known {detail}',
    },
    { name: 'kafka.partitionsRefused', lane: 'topics', says: '{subject} gets no more partitions: {detail}' },
    { name: 'kafka.controlledShutdown', lane: '{subject}', says: '{subject} asks to shut down: {detail}' },
    { name: 'kafka.fenced', lane: '{subject}', says: '{subject} is fenced' },
    { name: 'kafka.paused', lane: '{subject}', says: '{subject} stands still for {detail}' },
    { name: 'kafka.resumed', lane: '{subject}', says: '{subject} goes on after {detail}' },
    {
      name: 'kafka.isrShrunk',
      lane: '{subject}',
      says: '{subject} takes slow replicas out of ISRs: {detail}',
    },
    { name: 'kafka.stopped', lane: '{subject}', says: '{subject} has ended ({detail})' },
    { name: 'kafka.killed', lane: '{subject}', says: '{subject} dies: {detail}' },
    { name: 'kafka.fetching', lane: '{subject}', says: '{subject} begins to catch up, still fenced' },
    { name: 'kafka.unfenced', lane: '{subject}', says: '{subject} is unfenced' },
    { name: 'kafka.started', lane: '{subject}', says: '{subject} serves requests' },
    { name: 'kafka.inSync', lane: '{subject}', says: '{subject} is in sync {detail}' },
    { name: 'kafka.preferredElection', lane: 'controller', says: 'preferred leaders are elected: {detail}' },
    { name: 'kafka.controllerElected', lane: 'controller', says: 'a new active controller: {detail}' },
    { name: 'kafka.controllerKilled', lane: 'controller', says: 'a controller dies: {detail}' },
    { name: 'kafka.controllerResigned', lane: 'controller', says: 'the active controller resigns: {detail}' },
    { name: 'kafka.uncleanElection', lane: 'controller', says: 'unclean election of {subject}: {detail}' },
    {
      name: 'kafka.coordinatorMoved',
      lane: 'consumers',
      says: 'the coordinator of {subject} moved: {detail}',
    },
    { name: 'kafka.linkSaturated', lane: '{subject}', says: 'a link of {subject} is saturated: {detail}' },
    { name: 'kafka.linkFree', lane: '{subject}', says: 'a link of {subject} is saturated no more: {detail}' },
    { name: 'kafka.followersLag', lane: '{subject}', says: 'followers fall behind at {subject}: {detail}' },
    { name: 'kafka.sendsFail', lane: 'producers', says: 'sends to {subject} fail: {detail}' },
    {
      name: 'kafka.consumerReset',
      lane: 'consumers',
      says: 'the offsets of {subject} are set back: {detail}',
    },
    { name: 'kafka.rebalanceBegins', lane: 'consumers', says: '{subject} rebalances: {detail}' },
    { name: 'kafka.rebalanced', lane: 'consumers', says: '{subject} is stable: {detail}' },
    { name: 'kafka.groupEpoch', lane: 'consumers', says: '{subject} has a new target: {detail}' },
    { name: 'kafka.groupEmpty', lane: 'consumers', says: '{subject} has no member' },
    { name: 'kafka.memberStopped', lane: 'consumers', says: 'member {subject} ends: {detail}' },
    { name: 'kafka.memberStarted', lane: 'consumers', says: 'member {subject} starts' },
    { name: 'kafka.memberExpired', lane: 'consumers', says: 'the session of {subject} ends {detail}' },
    { name: 'kafka.memberPollsTooLate', lane: 'consumers', says: '{subject} leaves: {detail}' },
    { name: 'kafka.memberOverloaded', lane: 'consumers', says: '{subject} is given too much: {detail}' },
    { name: 'kafka.partitionsSeen', lane: 'consumers', says: '{subject} sees new partitions: {detail}' },
    {
      name: 'kafka.partitionsMissed',
      lane: 'consumers',
      says: '{subject} does not see its new partitions: {detail}',
    },
    {
      name: 'kafka.messagesSkipped',
      lane: 'consumers',
      says: 'messages of {subject} are passed over: {detail}',
    },
    { name: 'kafka.diskFull', lane: '{subject}', says: 'a log directory of {subject} is full' },
    {
      name: 'kafka.directoryOffline',
      lane: '{subject}',
      says: 'a log directory of {subject} goes offline: {detail}',
    },
  ],
  risks: [
    {
      name: 'unavailablePartitionSeconds',
      unit: 's',
      says: 'partition-seconds without a leader that serves',
      that: 'rehearse:unavailable_partition_seconds_total',
    },
    {
      name: 'offlinePartitionSeconds',
      unit: 's',
      says: 'partition-seconds without any leader',
      that: 'rehearse:offline_partition_seconds_total',
      limit: 0,
    },
    {
      name: 'minutesAtMinIsr',
      unit: 'min',
      says: 'minutes with a partition one failure away from blocked producers',
      that: 'rehearse:at_min_isr_minutes',
    },
    {
      name: 'minutesUnderMinIsr',
      unit: 'min',
      says: 'minutes with a partition under min.insync.replicas',
      that: 'rehearse:under_min_isr_minutes',
      limit: 0,
    },
    {
      name: 'failedSends',
      unit: 'messages',
      says: 'sends that failed at the application',
      that: 'sum(rehearse:failed_sends_total)',
      limit: 0,
    },
    {
      name: 'saturatedSeconds',
      unit: 's',
      says: 'longest time for which a link of a broker was saturated',
      that: 'max(increase(rehearse:link_saturated_seconds_total[$__range]))',
      limit: 0,
    },
    {
      name: 'crossZoneCost',
      unit: '$',
      says: 'cost of bytes between zones over the period',
      that: 'sum(increase(rehearse:cross_zone_cost_dollars_total[$__range]))',
    },
    {
      name: 'retriedSends',
      unit: 'messages',
      says: 'sends that were tried again',
      that: 'sum(rehearse:retried_sends_total)',
    },
    {
      name: 'retriedSendsOfOneOwner',
      unit: 'messages',
      says: 'sends that were tried again, of the owner with most of them',
      that: 'sum by (owner) (rehearse:retried_sends_total)',
    },
    {
      name: 'duplicates',
      unit: 'messages',
      says: 'messages that are in the log twice',
      that: 'sum(rehearse:duplicate_messages_total)',
    },
    {
      name: 'possibleLoss',
      unit: 'B',
      says: 'bytes acknowledged and possibly lost',
      that: 'sum(rehearse:possibly_lost_bytes) + sum(rehearse:lost_with_disk_bytes)',
      limit: 0,
    },
    {
      name: 'worstLag',
      unit: 'messages',
      says: 'worst lag of a group on a topic',
      that: 'max_over_time(kafka_consumergroup_lag_sum[$__range])',
    },
    {
      name: 'diskUsed',
      unit: 'ratio',
      says: 'fullest log volume',
      that: 'max_over_time(rehearse:log_disk_used_bytes[$__range]) / rehearse:log_disk_capacity_bytes',
      limit: 0.85,
    },
    {
      name: 'requestOverload',
      unit: 'ratio',
      says: 'requests beyond what threads, connections or fetchers can do, as a share',
      that: 'max_over_time(rehearse:request_overload_ratio[$__range])',
      limit: 0,
    },
    {
      name: 'busiestRequestHandlers',
      unit: 'ratio',
      says: 'busiest request handlers of a broker, as a share',
      that: '1 - min_over_time(kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent[$__range])',
      full: 1,
      limit: 0.7,
    },
    {
      name: 'busiestNetworkThreads',
      unit: 'ratio',
      says: 'busiest network threads of a broker, as a share',
      that: '1 - min_over_time(kafka_network_socketserver_networkprocessoravgidle_percent[$__range])',
      full: 1,
      limit: 0.7,
    },
  ],
  outages: [
    {
      name: 'possibleLoss',
      unit: 'B',
      says: 'bytes acknowledged and possibly lost',
      that: 'sum(rehearse:possibly_lost_bytes)',
    },
    {
      name: 'outagePartitionSeconds',
      unit: 'partition-seconds',
      says: 'partition-seconds without a leader that serves, beyond a failover',
      that: 'rehearse:outage_partition_seconds_total',
    },
    {
      name: 'failedSends',
      unit: 'messages',
      says: 'sends that failed at the application',
      that: 'sum(rehearse:failed_sends_total)',
    },
    {
      name: 'minutesUnderMinIsr',
      unit: 'min',
      says: 'minutes with a partition under min.insync.replicas: its producers are turned away',
      that: 'rehearse:under_min_isr_minutes',
    },
  ],
  reliability: [
    {
      name: 'availability',
      unit: 'share',
      says: 'partition-time with a leader that serves',
      that: `1 - rehearse:unavailable_partition_seconds_total / (${controller}_globalpartitioncount * $__range_s)`,
      of: 'mean',
    },
    {
      name: 'writeAvailability',
      unit: 'share',
      says: 'partition-time in which producers can write',
      that: `1 - rehearse:write_blocked_partition_seconds_total / (${controller}_globalpartitioncount * $__range_s)`,
      of: 'mean',
    },
    {
      name: 'lossChance',
      unit: 'ratio',
      says: 'chance that acknowledged bytes are lost within the period',
      that: 'sum(rehearse:possibly_lost_bytes)',
      of: 'chance',
    },
    {
      name: 'lostBytesPerYear',
      unit: 'B',
      says: 'acknowledged bytes lost in a year',
      that: 'sum(rehearse:possibly_lost_bytes)',
      of: 'yearly',
    },
  ],
  exposures: ['rehearse:at_min_isr_minutes'],
  watched: [
    {
      metric: `${manager}_underreplicatedpartitions`,
      says: 'under-replicated partitions',
      unit: '',
      fold: 'sum',
    },
    {
      metric: `${manager}_underminisrpartitioncount`,
      says: 'partitions below min.insync.replicas',
      unit: '',
      fold: 'sum',
      limit: 0,
    },
    {
      metric: `${controller}_offlinepartitionscount`,
      says: 'partitions without a leader',
      unit: '',
      fold: 'max',
      limit: 0,
    },
    {
      metric: 'kafka_consumergroup_lag_sum',
      says: 'the largest lag of a consumer group',
      unit: 'messages',
      fold: 'max',
    },
    {
      metric: 'rehearse:reassignment_remaining_bytes',
      says: 'bytes still to be moved to one broker',
      unit: 'B',
      fold: 'max',
    },
  ],
  panels: [
    {
      title: 'Under-replicated partitions',
      that: `${manager}_underreplicatedpartitions`,
      unit: '',
      by: 'broker',
      spreads: true,
    },
    {
      title: 'Replicas out of sync by broker',
      that: 'rehearse:replicas_out_of_sync',
      unit: '',
      by: 'broker',
    },
    { title: 'Partitions led', that: `${manager}_leadercount`, unit: '', by: 'broker' },
    {
      title: 'Consumer lag',
      that: 'sum by (consumergroup) (kafka_consumergroup_lag_sum)',
      unit: 'messages',
      by: 'consumergroup',
      spreads: true,
    },
    {
      title: 'Lag of the partition that is furthest behind',
      that: 'max by (consumergroup) (kafka_consumergroup_lag)',
      unit: 'messages',
      by: 'consumergroup',
      optional: true,
    },
    {
      title: 'Time for which some partition of a group was not read',
      that: 'rehearse:group_stopped_seconds_total',
      unit: 's',
      by: 'consumergroup',
      optional: true,
    },
    {
      title: 'Replication into a broker',
      that: `rate(${topicMetrics}_replicationbytesin_total[15s])`,
      unit: 'B/s',
      by: 'broker',
    },
    {
      title: 'Copied into a broker by reassignments',
      that: `rate(${topicMetrics}_reassignmentbytesin_total[15s])`,
      unit: 'B/s',
      by: 'broker',
      optional: true,
    },
    {
      title: 'Left to copy by reassignments',
      that: 'rehearse:reassignment_remaining_bytes',
      unit: 'B',
      by: 'broker',
      optional: true,
      spreads: true,
    },
    {
      title: 'Partitions whose replicas are being moved',
      that: 'rehearse:reassignments',
      unit: '',
      optional: true,
    },
    {
      title: 'Replication throttle: the highest of the brokers',
      that: 'max by (side) (rehearse:replication_throttle_bytes_per_second)',
      unit: 'B/s',
      by: 'side',
      optional: true,
    },
    {
      title: 'Produce latency p99 by broker',
      that: 'kafka_network_requestmetrics_totaltimems{request="Produce", quantile="0.99"}',
      unit: 'ms',
      by: 'broker',
    },
    {
      title: 'Idle request handlers',
      that: 'kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent',
      unit: 'ratio',
      by: 'broker',
    },
    {
      title: 'Log volume used',
      that: 'rehearse:log_disk_used_bytes / rehearse:log_disk_capacity_bytes',
      unit: 'ratio',
      by: 'broker',
    },
  ],
};

/** Kept only where a group has members. */
const memberMetrics: ReadonlySet<string> = new Set([
  'kafka_consumergroup_lag',
  'kafka_consumergroup_members',
  'rehearse:group_members_assigned',
  'rehearse:group_rebalances_total',
  'rehearse:group_stopped_seconds_total',
  'rehearse:group_stopped_partition_seconds_total',
  'rehearse:messages_skipped_total',
]);

/** Labels of a metric's rows, or undefined where this cluster keeps no such metric. */
export function kafkaLabels(
  cluster: KafkaCluster,
  name: string,
): ((row: number) => Readonly<Record<string, string>>) | undefined {
  const labels = kafkaCatalogue.metrics.find((m) => m.name === name)?.labels;
  if (labels === undefined) return undefined;
  const { settings, tables, consumers } = cluster;
  if (memberMetrics.has(name) && consumers.membership === undefined) return undefined;
  switch (labels.join()) {
    case '':
      return () => ({});
    case 'broker':
      return (row) => ({ broker: String(settings.brokers[row].id) });
    case 'broker,directory':
      return (row) => {
        const { broker, name: directory } = cluster.logs.directory(row);
        return { broker: String(settings.brokers[broker].id), directory };
      };
    case 'node':
      return (row) => ({ node: String(cluster.controller.quorum.voterIds[row]) });
    case 'topic':
      return (row) => ({ topic: settings.topics[row].name });
    case 'topic,owner':
      return (row) => ({ topic: settings.topics[row].name, owner: settings.topics[row].owner });
    case 'consumergroup,owner':
      return (row) => ({ consumergroup: settings.groups[row].name, owner: settings.groups[row].owner });
    case 'consumergroup':
      return (row) => ({ consumergroup: consumers.membership?.groups[row].name ?? '' });
    case 'consumergroup,topic,partition':
      return consumers.partitionLabels;
    case 'consumergroup,topic':
      return (row) => {
        const cell = consumers.cells[memberMetrics.has(name) ? consumers.rowOfLag[row] : row];
        return { consumergroup: settings.groups[cell.group].name, topic: settings.topics[cell.topic].name };
      };
    case 'request,quantile,broker':
      return (row) => {
        const { request, quantile, broker } = totalTimeRow(row);
        return { request, quantile, broker: String(settings.brokers[broker].id) };
      };
    case 'request,acks,side,quantile':
      return (row) => ({ ...cluster.requests.latencyRows[row] });
    case 'request,stage':
      return stageRow;
    case 'broker,link':
      return (row) => ({
        broker: String(settings.brokers[Math.floor(row / linkKinds.length)].id),
        link: linkKinds[row % linkKinds.length],
      });
    case 'broker,side':
      return (row) => ({
        broker: String(settings.brokers[Math.floor(row / throttleSides.length)].id),
        side: throttleSides[row % throttleSides.length],
      });
    case 'kind':
      return (row) => ({ kind: crossingKinds[row] });
    case 'topic,partition':
      return (row) => {
        const t = tables.topic[row];
        return { topic: settings.topics[t].name, partition: String(row - tables.firstPartition[t]) };
      };
    default:
      throw new RangeError(`no labels for ${name}`);
  }
}
