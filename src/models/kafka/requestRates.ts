import { meanWait, type Station, stationOf } from './queueing.ts';
import type { FetcherSettings, GroupSettings, RequestSettings, TopicSettings } from './settings.ts';

/** The request types that Kafka's request metrics tell apart. Source: Kafka 3.7 `RequestMetrics`. */
export const requestTypes = ['Produce', 'FetchConsumer', 'FetchFollower'] as const;
export const requestType = { produce: 0, fetchConsumer: 1, fetchFollower: 2 } as const;

/** `max.partition.fetch.bytes` and `fetch.max.bytes` of a consumer, bytes. Source: Kafka 3.7 `ConsumerConfig` defaults. */
const partitionFetchBytes = 1_048_576;
const fetchBytes = 52_428_800;
/** A response leaves in portions of `socket.send.buffer.bytes`, each a visit of its own to a network thread. Source: Kafka 3.7 server.properties. */
const sendPortionBytes = 102_400;

/** What one topic's producers write to a leader now. */
export interface TopicTraffic {
  readonly topic: TopicSettings;
  readonly bytesPerSecond: number;
  readonly messagesPerSecond: number;
  /** Partitions of the topic that the broker leads; a mean, not always whole. */
  readonly partitions: number;
  /** Followers in sync of one of them; a mean, not always whole. */
  readonly followers: number;
}

/** What one group reads from a leader now. */
export interface GroupTraffic {
  readonly group: GroupSettings;
  /** Rows of the list of topics in `LeaderTraffic`. */
  readonly topics: readonly number[];
  readonly bytesPerSecond: number;
  /** Bytes per second of them that have left the page cache. */
  readonly coldBytesPerSecond: number;
  /** How old what it reads next is, beyond its usual age, microseconds; 0 while it keeps up. */
  readonly behindMicros: number;
}

/** Everything that asks one broker for something now. */
export interface LeaderTraffic {
  readonly topics: readonly TopicTraffic[];
  readonly groups: readonly GroupTraffic[];
  /** Brokers that follow, and the bytes per second that their replicas in sync take. */
  readonly followerBrokers: number;
  readonly followerBytesPerSecond: number;
  /** Bytes per second of replicas that catch up, and of them from disk. */
  readonly catchUpBytesPerSecond: number;
  readonly coldCatchUpBytesPerSecond: number;
}

/** Requests of one kind from one sort of client: so many a second, with what each costs and waits for. Times in microseconds. */
export interface RequestClass {
  readonly type: number;
  /** The topic's acks for produce requests, else empty. */
  readonly acks: '' | 'all' | '1' | '0';
  readonly perSecond: number;
  readonly bytes: number;
  /** Connections that send them, and requests that each may have under way. */
  readonly connections: number;
  readonly inFlight: number;
  readonly readMicros: number;
  readonly ioMicros: number;
  readonly sendMicros: number;
  /** Longest wait of a record in its batch; the mean is half of it. */
  readonly lingerMicros: number;
  /** Time from one request of a connection to the next that it could send, and the share of it in which the connection is taken. */
  readonly cycleMicros: number;
  readonly busy: number;
  /** Followers in sync that a produce request with acks=all waits for; a mean. */
  readonly followers: number;
  /** A fetch waits with this probability, for an exponential time of this mean, at most so long. */
  readonly parked: number;
  readonly parkedMicros: number;
  readonly parkedMaxMicros: number;
}

/** The cycle of one follower's fetcher thread as the leader sees it. Times in microseconds. */
export interface FetchCycle {
  readonly connections: number;
  /** From a response to the arrival of the next fetch, which brings the acknowledgement, the leader's own stations included. */
  readonly gapMicros: number;
  /** Of it: appending what one response brought. */
  readonly appendMicros: number;
  /** Share of time in which a fetch lies parked at the leader. */
  readonly parked: number;
}

/** One broker's request path under its traffic: rates, pools and cycles. */
export interface BrokerLoad {
  readonly classes: readonly RequestClass[];
  readonly network: Station;
  readonly io: Station;
  readonly cycle: FetchCycle;
  /** Requests per second by type. */
  readonly perSecond: readonly number[];
  /** Requests that can be at the broker at once: one under way for each connection. */
  readonly inSystem: number;
  /** By what share more is asked of the tightest of pools, producers' connections and followers than it can do; 0 where all can be done. */
  readonly overload: number;
  /** Mean microseconds of one request in the read queue and service, the io pool, and the send queue and service. */
  readonly meanRead: number;
  readonly meanIo: number;
  readonly meanSend: number;
  /** Mean microseconds that produced bytes wait in purgatory, over all acks. */
  readonly purgatoryMicros: number;
}

/** What a broker's requests allocate on its heap, for whoever models that heap. All per second. */
export interface RequestVolume {
  readonly produceRequests: number;
  readonly fetchConsumerRequests: number;
  readonly fetchFollowerRequests: number;
  readonly produceBytes: number;
  readonly replicationInBytes: number;
  readonly fetchBytes: number;
  /** Fetched bytes that pass through memory of the process: all under TLS, none with zero copy. */
  readonly fetchCopiedBytes: number;
  readonly purgatoryMicros: number;
}

/** Probability and mean of the wait for the next of Poisson arrivals that has not come in `gap` microseconds, at most `most`. */
function nextArrival(perMicro: number, gap: number, most: number): { parked: number; mean: number } {
  if (perMicro === 0) return { parked: 1, mean: most };
  const parked = Math.exp(-perMicro * gap);
  const expected = perMicro * most;
  // 1 - exp(-x) is x where x is too small for the difference to be exact.
  return { parked, mean: expected < 1e-7 ? parked * most : (parked * (1 - Math.exp(-expected))) / perMicro };
}

/**
 * Mean over produce requests of the longest of `followers` waits, each 0 with probability `parked`, else uniform up to `gap`:
 * gap (1 - (1 - p^(k+1)) / ((k+1)(1 - p))).
 */
function longestResidual(gap: number, parked: number, followers: number): number {
  if (parked >= 1 - 1e-12 || followers <= 0) return 0;
  const power = Math.exp((followers + 1) * Math.log(Math.max(parked, 1e-300)));
  return gap * (1 - (1 - power) / ((followers + 1) * (1 - parked)));
}

/** Share of requests of n records that hold one for a part `q` of the partitions. */
function hits(q: number, records: number): number {
  if (q >= 1) return 1;
  return records < 1 + 1e-9 ? q : 1 - Math.exp(records * Math.log(1 - q));
}

/** One network thread's time for a request's half of the way and so many bytes, microseconds. */
function networkMicros(s: RequestSettings, bytes: number): number {
  const request = 1e6 / s.networkRequestRate + (s.tls ? s.tlsRequestMicros : 0);
  return request / 2 + (bytes / s.networkByteRate + (s.tls ? bytes / s.tlsByteRate : 0)) * 1e6;
}

/**
 * Requests by kind that a broker gets, and the state of its pools.
 *
 * Producers: each client has one connection to the broker. A request opens with its first record and leaves after linger.ms, or when the batch of
 * a partition is full; it takes what waits for all partitions of the broker. A record of batch.size or more fills its batch alone. While all requests
 * in flight are taken, records gather for the next one, so that a connection sends at most max.in.flight requests each round trip, and the broker
 * answers one after the other (a connection is muted until its response was sent).
 * Consumers: each member has one connection and one fetch under way; it comes back after the round trip and two poll intervals (a record's mean
 * age is half of the time between fetches), and lies parked until fetch.min.bytes have come or fetch.max.wait.ms has passed.
 * Followers: one fetch under way on each connection; a parked one completes at the next append to any of the connection's partitions.
 *
 * Rates and times depend on each other (a slow answer makes fewer, larger requests), so that they are iterated to a fixed point.
 *
 * Clients are `roundTripMicros` away, followers `followerRoundTripMicros`.
 *
 * Source: Kafka 3.7 `RecordAccumulator.ready`, `drainBatchesForOneNode`, `SocketServer.Processor`, `DelayedFetch.tryComplete`, `AbstractFetcherThread.doWork`;
 * the formulas are ours. Simplified: keyed records over all partitions; followers share a leader's partitions evenly; half of a request's time on
 * network threads is for reading, half for answering; what a client cannot send for lack of connections is told (`overload`), not taken out of
 * the cluster's traffic.
 */
export function requestLoad(
  traffic: LeaderTraffic,
  s: RequestSettings,
  fetcher: FetcherSettings,
  roundTripMicros: number,
  fetchWaitMicros: number,
  followerRoundTripMicros = roundTripMicros,
): BrokerLoad {
  // Start from an idle broker. A slower answer makes fewer requests and they a faster answer: steps become smaller while they do not settle.
  let at = { read: networkMicros(s, 0), io: 1e6 / s.ioRequestRate, send: networkMicros(s, 0), remote: 0 };
  const trips = { clients: roundTripMicros, followers: followerRoundTripMicros };
  let load = pass(traffic, s, fetcher, trips, fetchWaitMicros, at);
  let step = 1;
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 100; round += 1) {
    const off = {
      read: load.meanRead - at.read,
      io: load.meanIo - at.io,
      send: load.meanSend - at.send,
      remote: load.remote - at.remote,
    };
    const far = Math.abs(off.read) + Math.abs(off.io) + Math.abs(off.send) + Math.abs(off.remote);
    if (far < 0.02) break;
    if (far > 0.7 * before) step = Math.max(0.05, step / 2);
    else if (far < 0.4 * before) step = Math.min(1, step * 1.5);
    before = far;
    at = {
      read: at.read + step * off.read,
      io: at.io + step * off.io,
      send: at.send + step * off.send,
      remote: at.remote + step * off.remote,
    };
    load = pass(traffic, s, fetcher, trips, fetchWaitMicros, at);
  }
  return load;
}

interface Sojourn {
  readonly read: number;
  readonly io: number;
  readonly send: number;
  /** Mean wait of acks=all for the followers. */
  readonly remote: number;
}

/** One round: rates from the times of the round before, and new times from them. */
function pass(
  traffic: LeaderTraffic,
  s: RequestSettings,
  fetcher: FetcherSettings,
  trips: { readonly clients: number; readonly followers: number },
  fetchWait: number,
  at: Sojourn,
): BrokerLoad & { readonly remote: number } {
  const roundTrip = trips.clients;
  const classes: RequestClass[] = [];
  const io = 1e6 / s.ioRequestRate;
  const fetches = { acks: '' as const, inFlight: 1, lingerMicros: 0, followers: 0 };

  // Producers.
  const requestsOf: number[] = [];
  const recordsOf: number[] = [];
  let producedBytes = 0;
  let overload = 0;
  for (const { topic, bytesPerSecond, messagesPerSecond, partitions, followers } of traffic.topics) {
    const { producers, acks } = topic;
    const perClient = messagesPerSecond / 1e6 / producers.clients;
    const recordBytes = bytesPerSecond / messagesPerSecond;
    const fits = Math.max(1, Math.floor(producers.batchBytes / recordBytes));
    const fill = (fits - 1) / (perClient / Math.max(1, partitions));
    const linger = recordBytes >= producers.batchBytes ? 0 : Math.min(producers.lingerMicros, fill);
    const answer =
      acks === '0' ? at.read + at.io : at.read + at.io + at.send + (acks === 'all' ? at.remote : 0);
    const cycle = Math.max(answer, (answer + (acks === '0' ? 0 : roundTrip)) / producers.inFlight);
    const wanted = perClient / (1 + perClient * linger);
    const perMicro = Math.min(wanted, 1 / cycle);
    // One batch of each partition, and no more than max.request.size: beyond that the client cannot send what it is given.
    const most = Math.max(
      recordBytes,
      Math.min(producers.requestBytes, Math.max(1, partitions) * Math.max(recordBytes, producers.batchBytes)),
    );
    const bytes = Math.min(most, (perClient / perMicro) * recordBytes);
    const records = bytes / recordBytes;
    overload = Math.max(overload, perClient / (perMicro * records));
    requestsOf.push(perMicro * producers.clients);
    recordsOf.push(records);
    producedBytes += bytesPerSecond;
    classes.push({
      type: requestType.produce,
      acks,
      perSecond: perMicro * producers.clients * 1e6,
      bytes,
      connections: producers.clients,
      inFlight: producers.inFlight,
      readMicros: networkMicros(s, bytes),
      ioMicros: io + (bytes / s.ioByteRate) * 1e6,
      sendMicros: acks === '0' ? 0 : networkMicros(s, 0),
      lingerMicros: linger,
      cycleMicros: cycle,
      busy: Math.min(1, wanted * cycle),
      followers,
      parked: 0,
      parkedMicros: 0,
      parkedMaxMicros: 0,
    });
  }

  // Consumers.
  const answered = at.read + at.io + at.send;
  for (const { group, topics, bytesPerSecond, coldBytesPerSecond, behindMicros } of traffic.groups) {
    const led = topics.reduce((sum, t) => sum + traffic.topics[t].partitions, 0);
    const connections = Math.max(1, Math.min(group.clients, Math.round(led)));
    const appends = topics.reduce((sum, t) => sum + requestsOf[t] * hits(1 / connections, recordsOf[t]), 0);
    const gap = roundTrip + 2 * group.pollMicros + answered;
    const bytesPerMicro = bytesPerSecond / 1e6 / connections;
    let parked = 0;
    let wait = 0;
    const perAppend = appends === 0 ? 1 : bytesPerMicro / appends;
    const needed = Math.ceil(group.fetchMinBytes / Math.max(1, perAppend));
    if (needed <= 1) {
      const next = nextArrival(appends, gap, group.fetchMaxWaitMicros);
      parked = next.parked;
      wait = next.mean;
    } else {
      wait = Math.min(group.fetchMaxWaitMicros, Math.max(0, needed / appends - gap));
      parked = wait > 0 ? 1 : 0;
    }
    // A group that lags works through what it fetched, all that was there or all that fits, before it asks again.
    const response = Math.min(fetchBytes, (partitionFetchBytes * Math.max(led, 1)) / connections);
    const lagging = Math.min(behindMicros, bytesPerMicro === 0 ? 0 : response / bytesPerMicro);
    if (lagging > gap + wait) [parked, wait] = [0, 0];
    const cycle = Math.max(gap + wait, lagging);
    const bytes = bytesPerMicro * cycle;
    const cold = bytesPerSecond === 0 ? 0 : (bytes * coldBytesPerSecond) / bytesPerSecond;
    classes.push({
      ...fetches,
      type: requestType.fetchConsumer,
      perSecond: (connections / cycle) * 1e6,
      bytes,
      connections,
      readMicros: networkMicros(s, 0),
      ioMicros: io,
      sendMicros: networkMicros(s, bytes) + (cold / s.coldReadRate) * 1e6,
      cycleMicros: cycle,
      busy: 1,
      parked,
      parkedMicros: parked === 0 ? 0 : wait / parked,
      parkedMaxMicros: group.fetchMaxWaitMicros,
    });
  }

  // Followers.
  let followed = 0;
  let appended = 0;
  const links = traffic.followerBrokers * fetcher.threads;
  traffic.topics.forEach((t, i) => {
    if (traffic.followerBrokers === 0) return;
    appended +=
      requestsOf[i] *
      hits(Math.min(1, t.followers / traffic.followerBrokers) / fetcher.threads, recordsOf[i]);
    followed += t.followers * t.partitions;
  });
  const connections = Math.min(links, Math.max(traffic.followerBrokers, Math.round(followed)));
  const perFollower = connections === 0 ? 0 : traffic.followerBytesPerSecond / 1e6 / connections;
  // Above 0.98 the thread cannot keep up; its cycle is then bounded by what one response may hold.
  const appending = Math.min(0.98, (perFollower * 1e6) / fetcher.appendRate);
  overload = Math.max(overload, (perFollower * 1e6) / fetcher.appendRate);
  let wait = 0;
  let parked = 0;
  let gap = (trips.followers + answered) / (1 - appending);
  for (let i = 0; i < 5; i += 1) {
    const next = nextArrival(appended, gap, fetchWait);
    wait = next.mean;
    parked = next.parked;
    gap = (trips.followers + answered + appending * wait) / (1 - appending);
  }
  const responseBytes = Math.min(fetcher.responseBytes, perFollower * (gap + wait));
  if (connections > 0) {
    classes.push({
      ...fetches,
      type: requestType.fetchFollower,
      perSecond: (connections / (gap + wait)) * 1e6,
      bytes: responseBytes,
      connections,
      readMicros: networkMicros(s, 0),
      ioMicros: io,
      sendMicros: networkMicros(s, responseBytes),
      cycleMicros: gap + wait,
      busy: 1,
      parked,
      parkedMicros: parked === 0 ? 0 : wait / parked,
      parkedMaxMicros: fetchWait,
    });
  }
  if (traffic.catchUpBytesPerSecond > 1) {
    const cold = traffic.coldCatchUpBytesPerSecond / traffic.catchUpBytesPerSecond;
    const bytes = fetcher.responseBytes;
    classes.push({
      ...fetches,
      type: requestType.fetchFollower,
      perSecond: traffic.catchUpBytesPerSecond / bytes,
      bytes,
      connections: Math.max(1, connections),
      readMicros: networkMicros(s, 0),
      ioMicros: io,
      sendMicros: networkMicros(s, bytes) + ((cold * bytes) / s.coldReadRate) * 1e6,
      cycleMicros: (bytes / traffic.catchUpBytesPerSecond) * 1e6,
      busy: 1,
      parked: 0,
      parkedMicros: 0,
      parkedMaxMicros: 0,
    });
  }
  const cycle: FetchCycle = {
    connections,
    gapMicros: gap,
    appendMicros: perFollower === 0 ? 0 : appending * (gap + wait),
    parked: gap + wait === 0 ? 0 : wait / (gap + wait),
  };

  const { network, ioPool, inSystem, perSecond } = pools(classes, s);
  const networkWait = meanWait(network, inSystem);
  const ioWait = meanWait(ioPool, inSystem);
  let requests = 0;
  const sums = { read: 0, io: 0, send: 0 };
  let remote = 0;
  let waiting = 0;
  let waitingBytes = 0;
  classes.forEach((c) => {
    requests += c.perSecond;
    sums.read += c.perSecond * c.readMicros;
    sums.io += c.perSecond * c.ioMicros;
    sums.send += c.perSecond * c.sendMicros;
    if (c.acks !== 'all') return;
    const followers = gap + longestResidual(gap, cycle.parked, c.followers);
    waiting += c.perSecond * c.bytes * (c.followers > 0 ? followers : 0);
    waitingBytes += c.perSecond * c.bytes;
  });
  if (waitingBytes > 0) remote = waiting / waitingBytes;
  return {
    classes,
    network,
    io: ioPool,
    cycle,
    perSecond,
    inSystem,
    overload: beyond(Math.max(overload, network.utilisation, ioPool.utilisation)),
    meanRead: requests === 0 ? at.read : networkWait + sums.read / requests,
    meanIo: requests === 0 ? at.io : ioWait + sums.io / requests,
    meanSend: requests === 0 ? at.send : networkWait + sums.send / requests,
    remote,
    purgatoryMicros: producedBytes === 0 ? 0 : waiting / producedBytes,
  };
}

/** What is asked beyond what can be done, as a share; what rounding leaves above a full use is none. */
function beyond(use: number): number {
  return use > 1 + 1e-9 ? use - 1 : 0;
}

/** The two pools under these requests. Bytes beyond one portion are further visits. */
export function pools(
  classes: readonly RequestClass[],
  s: RequestSettings,
): {
  readonly network: Station;
  readonly ioPool: Station;
  readonly inSystem: number;
  readonly perSecond: readonly number[];
} {
  // Per microsecond: visits, their work, and its squares, at the network and at the io threads.
  const spread = 1 + s.serviceVariability;
  let [visits, work, squares, handled, handling, handlingSquares] = [0, 0, 0, 0, 0, 0];
  let inSystem = 0;
  const perSecond = requestTypes.map(() => 0);
  for (const c of classes) {
    perSecond[c.type] += c.perSecond;
    inSystem += c.connections;
    const perMicro = c.perSecond / 1e6;
    visits += perMicro;
    work += perMicro * c.readMicros;
    squares += perMicro * c.readMicros * c.readMicros * spread;
    if (c.sendMicros > 0) {
      const portions =
        c.type === requestType.produce ? 1 : Math.max(1, Math.ceil(c.bytes / sendPortionBytes));
      visits += perMicro * portions;
      work += perMicro * c.sendMicros;
      squares += ((perMicro * c.sendMicros * c.sendMicros) / portions) * spread;
    }
    handled += perMicro;
    handling += perMicro * c.ioMicros;
    handlingSquares += perMicro * c.ioMicros * c.ioMicros * spread;
  }
  return {
    network: stationOf(s.networkThreads, visits, work, squares),
    ioPool: stationOf(s.ioThreads, handled, handling, handlingSquares),
    inSystem,
    perSecond,
  };
}
