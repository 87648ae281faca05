import type { Distribution } from '../../engine/distributions.ts';

/** What producers wait for: `all` in-sync replicas, the leader alone, or nothing. */
export type Acks = 'all' | '1' | '0';

/** One of `log.dirs`, on a disk of its own. */
export interface DirectorySettings {
  readonly name: string;
  readonly capacityBytes: number;
  /** Bytes of logs at the start. */
  readonly usedBytes: number;
  /** Which of the node's disks, from 0 on. */
  readonly disk: number;
}

export interface BrokerSettings {
  /** `node.id`. */
  readonly id: number;
  /** `broker.rack`; empty when none is set. */
  readonly rack: string;
  /** Zone of the broker's node; it decides who is cut off by a fault of the network, not where replicas are placed. */
  readonly zone: string;
  /** Combined mode: this broker is a quorum voter as well. */
  readonly controller: boolean;
  /** Bytes of logs at the start, where the broker has one log directory. */
  readonly diskUsedBytes: number;
  /** Capacity of the log directory's volume, bytes, where the broker has one. */
  readonly diskCapacityBytes: number;
  /** Log directories (JBOD), in the order of `log.dirs`; absent: one, of the two numbers above. */
  readonly directories?: readonly DirectorySettings[];
  /** Memory left for the page cache in the broker's container, bytes. */
  readonly pageCacheBytes: number;
}

/** The log directories of a broker; there is always one. */
export function directoriesOf(broker: BrokerSettings): readonly DirectorySettings[] {
  if (broker.directories !== undefined && broker.directories.length > 0) return broker.directories;
  return [
    {
      name: directoryName(0),
      capacityBytes: broker.diskCapacityBytes,
      usedBytes: broker.diskUsedBytes,
      disk: 0,
    },
  ];
}

/** As Strimzi names the volumes of a JBOD storage. */
export function directoryName(place: number): string {
  return `data-${place}`;
}

export interface ProducerSettings {
  /** Producer clients that write the topic. */
  readonly clients: number;
  /** `buffer.memory` of each, bytes. */
  readonly bufferBytes: number;
  /** `delivery.timeout.ms`, microseconds. */
  readonly deliveryTimeoutMicros: number;
  /** `request.timeout.ms`, microseconds. */
  readonly requestTimeoutMicros: number;
  /** `max.block.ms`, microseconds. */
  readonly maxBlockMicros: number;
  /** `retry.backoff.ms`, microseconds. */
  readonly retryBackoffMicros: number;
  /** `batch.size`, bytes of one partition's batch, never above `message.max.bytes`. */
  readonly batchBytes: number;
  /** `max.request.size`, bytes. */
  readonly requestBytes: number;
  /** `linger.ms`, microseconds. */
  readonly lingerMicros: number;
  /** `max.in.flight.requests.per.connection`. */
  readonly inFlight: number;
  /** `enable.idempotence`, which needs acks=all. */
  readonly idempotent: boolean;
  /** `metadata.max.age.ms`, microseconds; absent: Kafka's default of 5 minutes. */
  readonly metadataMaxAgeMicros?: number;
}

export interface TopicSettings {
  readonly name: string;
  /** Partitions at the start. */
  readonly partitions: number;
  /** Partitions that it may be given by the end; absent: as many as at the start. */
  readonly partitionsEver?: number;
  /** Whether records have keys that decide their partition; absent: yes. */
  readonly keyed?: boolean;
  /** Topics that are joined with this one: a record's partition must have the same number in each. */
  readonly coPartitioned?: readonly string[];
  /** Read by a Kafka Streams application, whose state is kept by partition. */
  readonly streams?: string;
  readonly replicationFactor: number;
  readonly minInSyncReplicas: number;
  /** Bytes per second that producers write, before the curve. */
  readonly bytesInPerSecond: number;
  /** Messages per second, before the curve. */
  readonly messagesInPerSecond: number;
  /** Index of the load curve, or -1 for a constant load. */
  readonly curve: number;
  /** Share of each partition, summing to 1. */
  readonly shares: Float64Array;
  readonly acks: Acks;
  /** `unclean.leader.election.enable`. */
  readonly uncleanElection: boolean;
  /** `retention.bytes` of each partition; Infinity when unlimited. */
  readonly retentionBytes: number;
  /** `retention.ms` in microseconds; Infinity when unlimited. */
  readonly retentionMicros: number;
  /** `segment.bytes`. */
  readonly segmentBytes: number;
  /** `segment.ms` in microseconds; Infinity when a segment is never too old. */
  readonly segmentMicros: number;
  /** Listed in `leader.` and `follower.replication.throttled.replicas`. */
  readonly throttled: boolean;
  readonly producers: ProducerSettings;
  /** Zone that its producers stand in; absent: spread evenly over the brokers' zones. */
  readonly zone?: string;
  readonly owner: string;
}

export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky' | 'uniform';

/** Members of a group, and the protocol by which they agree. */
export interface MembersSettings {
  /** By member: places among the group's topics that it subscribes to. */
  readonly subscriptions: readonly (readonly number[])[];
  /** The group does not exist yet: nobody runs, and no offset was ever committed. */
  readonly isNew: boolean;
  /** Each has a `group.instance.id`. */
  readonly isStatic: boolean;
  /** `group.protocol`. */
  readonly protocol: 'classic' | 'consumer';
  /** `partition.assignment.strategy`, or `group.remote.assignor`. */
  readonly assignor: AssignorName;
  /** Messages per second that a member handles; 0 where the group's `catchUpFactor` says how fast it reads. */
  readonly capacity: number;
  /** `session.timeout.ms`, or that of the brokers under the consumer protocol, microseconds. */
  readonly sessionMicros: number;
  /** `heartbeat.interval.ms`, or that of the brokers under the consumer protocol, microseconds. */
  readonly heartbeatMicros: number;
  /** `max.poll.interval.ms`, microseconds: also how long a classic rebalance waits for its members. */
  readonly maxPollMicros: number;
  /** `max.poll.records`. */
  readonly maxPollRecords: number;
  /** `metadata.max.age.ms`, microseconds. */
  readonly metadataAgeMicros: number;
  /** `auto.offset.reset` is latest: what came before a partition is first read is passed over. */
  readonly latest: boolean;
  /** `group.initial.rebalance.delay.ms` of the brokers, microseconds. */
  readonly initialDelayMicros: number;
  /** Mean age of a message when it is read while the group keeps up, microseconds. */
  readonly pollMicros: number;
}

export interface GroupSettings {
  readonly name: string;
  /** Topic rows it reads. */
  readonly topics: readonly number[];
  /** How fast it reads when behind, as a multiple of the topic's rate now. */
  readonly catchUpFactor: number;
  /** Mean age of a message when it is read while the group keeps up, microseconds. */
  readonly pollMicros: number;
  /** Member clients; each has one connection to every broker that it reads from. */
  readonly clients: number;
  /** `fetch.min.bytes`. */
  readonly fetchMinBytes: number;
  /** `fetch.max.wait.ms`, microseconds. */
  readonly fetchMaxWaitMicros: number;
  /** `client.rack`: where the brokers choose by rack, it reads from a replica in sync with this `broker.rack`. */
  readonly rack?: string;
  /** Zone that its members stand in; absent: that of the brokers in its rack, or spread evenly over the brokers' zones. */
  readonly zone?: string;
  /** Absent: the group is one reader of all its partitions, which are not told apart; its topics are then in any order, else in that of their names. */
  readonly members?: MembersSettings;
  readonly owner: string;
}

/** What Kafka's own configuration and protocol fix, and the durations that a cluster shows. */
export interface ClusterTiming {
  /** Round trip between two brokers, microseconds. */
  readonly roundTripMicros: number;
  /** `controller.quorum.append.linger.ms`: a record waits up to this long, microseconds. */
  readonly appendLingerMicros: number;
  /** Longest wait of a broker's metadata fetch for the commit to show, microseconds. */
  readonly metadataPollMicros: number;
  /** `broker.heartbeat.interval.ms`, microseconds. */
  readonly heartbeatMicros: number;
  /** `broker.session.timeout.ms`, microseconds. */
  readonly sessionTimeoutMicros: number;
  /** `replica.lag.time.max.ms`, microseconds. */
  readonly replicaLagMaxMicros: number;
  /** `controller.quorum.fetch.timeout.ms`, microseconds. */
  readonly quorumFetchTimeoutMicros: number;
  /** `controller.quorum.election.timeout.ms`, microseconds. */
  readonly electionTimeoutMicros: number;
  /** `controller.quorum.election.backoff.max.ms`, microseconds. */
  readonly electionBackoffMaxMicros: number;
  /** `replica.fetch.wait.max.ms`, microseconds. */
  readonly fetchWaitMicros: number;
  /** `leader.imbalance.check.interval.seconds`, microseconds. */
  readonly imbalanceCheckMicros: number;
  /** From the resignation of the active controller, or from a won election, to the successor's first event. */
  readonly controllerFailoverMicros: Distribution;
  /** What was appended so long ago is on disk, where nobody forces it: the system's own write-back, microseconds. */
  readonly pageFlushMicros: number;
  /** Flush and close of all logs after the shutdown was granted. */
  readonly closeMicros: Distribution;
  /** Start of the process until it registers. */
  readonly jvmStartMicros: Distribution;
  /** Replay of the metadata log until the broker has caught up with its registration. */
  readonly metadataReplayMicros: Distribution;
  /** Opening one segment and checking its indexes, microseconds of one recovery thread. */
  readonly segmentLoadMicros: number;
  /** Bytes per second at which one recovery thread re-reads a segment after an unclean stop. */
  readonly recoveryScanRate: number;
  /** Catch-up fetching begins this long before the broker counts as back, where a replay gives the moment it is back. */
  readonly fetchBeforeOnlineMicros: number;
  /** Loading one partition of __consumer_offsets at a new coordinator. */
  readonly coordinatorLoadMicros: Distribution;
}

export interface FetcherSettings {
  /** `num.replica.fetchers`. */
  readonly threads: number;
  /** `replica.fetch.max.bytes`, for one partition. */
  readonly partitionBytes: number;
  /** `replica.fetch.response.max.bytes`. */
  readonly responseBytes: number;
  /** Bytes per second at which one fetcher thread receives and appends, apart from its round trips. */
  readonly appendRate: number;
}

/** The threads that requests pass on a broker, and what a request costs them. */
export interface RequestSettings {
  /** `num.network.threads`. */
  readonly networkThreads: number;
  /** `num.io.threads`. */
  readonly ioThreads: number;
  /** `queued.max.requests`: network threads stop reading while so many requests wait for an io thread. */
  readonly queuedMax: number;
  /** Requests per second that one network thread reads and answers, bytes apart. */
  readonly networkRequestRate: number;
  /** Requests per second that one io thread handles, bytes apart. */
  readonly ioRequestRate: number;
  /** Bytes per second that one network thread moves between socket and memory. */
  readonly networkByteRate: number;
  /** Bytes per second that one io thread validates and appends. */
  readonly ioByteRate: number;
  /** Squared coefficient of variation of one request's service: 0 constant, 1 exponential. */
  readonly serviceVariability: number;
  /** Whether all listeners encrypt. */
  readonly tls: boolean;
  /** Further time of a network thread for one request under TLS, microseconds. */
  readonly tlsRequestMicros: number;
  /** Bytes per second that one network thread encrypts or decrypts. */
  readonly tlsByteRate: number;
  /** Bytes per second at which a network thread that sends from disk reads them. */
  readonly coldReadRate: number;
}

export interface ClusterSettings {
  readonly version: string;
  readonly brokers: readonly BrokerSettings[];
  /** Dedicated controllers by node id, with their zones; empty in combined mode. */
  readonly dedicatedControllers: readonly { readonly id: number; readonly zone: string }[];
  /** Node id of the active controller at the start. */
  readonly activeController: number;
  readonly autoLeaderRebalance: boolean;
  readonly topics: readonly TopicSettings[];
  /** Broker rows by partition of the start, as many places each as the largest replication factor; absent: the placer decides. */
  readonly assignment: Int32Array | undefined;
  /** Replicas that a partition may have at once, while a reassignment adds some and removes others; absent: the largest replication factor. */
  readonly replicaPlaces?: number;
  readonly groups: readonly GroupSettings[];
  readonly timing: ClusterTiming;
  readonly fetcher: FetcherSettings;
  readonly requests: RequestSettings;
  /** `leader.replication.throttled.rate`, bytes per second; Infinity when unset. */
  readonly leaderThrottleRate: number;
  /** `follower.replication.throttled.rate`, bytes per second; Infinity when unset. */
  readonly followerThrottleRate: number;
  /** `replica.selector.class` is RackAwareReplicaSelector. */
  readonly rackAwareReads?: boolean;
  /** `replica.socket.receive.buffer.bytes`: the receive window of a fetcher; absent: tuned by the operating system. */
  readonly receiveBufferBytes?: number;
  /** `log.retention.check.interval.ms`, microseconds. */
  readonly retentionCheckMicros: number;
  /** `log.segment.delete.delay.ms`, microseconds. */
  readonly fileDeleteDelayMicros: number;
  /** `num.recovery.threads.per.data.dir`. */
  readonly recoveryThreads: number;
  /** Every log has a retention by size of its own that holds it around the size it has at the start. */
  readonly holdLogsAtInitialSize: boolean;
}
