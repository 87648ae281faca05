/** What a quantity of a fact measures: as in `formats/quantity.ts`, and a point in time. */
export type FactDimension =
  | 'bytes'
  | 'byteRate'
  | 'duration'
  | 'cpu'
  | 'ratio'
  | 'count'
  | 'rate'
  | 'number'
  | 'instant';

export interface Quantity {
  readonly dimension: FactDimension;
  readonly says: string;
  /** A setting: exact as it is written. Everything else was measured or told, and its digits allow an interval. */
  readonly exact?: true;
  /** Grows with what flows and is stored, as bytes do: records and what is counted with them. */
  readonly extensive?: true;
}

type Row = readonly [name: string, says: string, more?: 'exact' | 'extensive'];

function rows(dimension: FactDimension, all: readonly Row[]): [string, Quantity][] {
  return all.map(([name, says, more]) => [
    name,
    { dimension, says, ...(more === undefined ? {} : { [more]: true }) },
  ]);
}

/** Every quantity that a fact may state, by name. */
export const quantities: ReadonlyMap<string, Quantity> = new Map([
  ...rows('bytes', [
    ['diskUsed', 'what the logs take on the disk'],
    ['diskCapacity', 'what the disk holds'],
    ['segmentBytes', 'size at which a segment is closed', 'exact'],
    ['bytesInTotal', 'what was taken in, counted since the process started'],
    ['bytesMoved', 'what a reassignment moved'],
    ['bytesWritten', 'what a sink wrote in the window'],
    ['memoryTotal', 'memory of a node'],
    ['memoryUsed', 'memory in use'],
    ['memoryAvailable', 'memory that is left'],
    ['memoryHeadroom', 'what is left below the limit at the peak'],
    ['memoryPeak', 'the most memory that a phase needs'],
    ['memoryLimit', 'what a container may use', 'exact'],
    ['memoryResident', 'resident memory of the processes of a container'],
    ['memoryCache', 'page cache that is charged to a container'],
    ['heapMax', 'the largest heap of a JVM', 'exact'],
    ['heapUsed', 'what of the heap is in use'],
    ['memoryNonHeap', 'memory of a JVM beside its heap'],
    ['pageCacheGrowth', 'what the page cache gained by a change, as told'],
  ]),
  ...rows('byteRate', [
    ['bytesIn', 'what producers send, each byte once'],
    ['bytesOut', 'what consumers fetch, without replication'],
    ['networkIn', 'what the network interface takes in'],
    ['networkOut', 'what the network interface sends, replication and consumers'],
    ['networkCapacity', 'what the network interface can carry each way'],
    ['transferRate', 'rate at which a transfer is told to run'],
  ]),
  ...rows('rate', [
    ['messagesIn', 'messages that producers send'],
    ['messagesOut', 'messages that consumers fetch'],
    ['frequency', 'how often it happens'],
  ]),
  ...rows('count', [
    ['brokers', 'brokers'],
    ['replicationFactor', 'replicas of a partition'],
    ['partitions', 'partitions'],
    ['partitionsAdded', 'partitions that a change added'],
    ['leaders', 'partitions that are led'],
    ['replicas', 'replicas, leaders among them'],
    ['underReplicatedPeak', 'the most partitions that were under-replicated at once'],
    ['partitionsRecovered', 'partitions that came back in sync'],
    ['segments', 'segments of all logs'],
    ['collections', 'collections of a JVM, counted since it started'],
    ['oldCollections', 'full collections of a JVM, counted since it started'],
    ['threads', 'threads'],
    ['threadsPeak', 'the most threads so far'],
    ['records', 'records that were written or read in the window', 'extensive'],
    ['recordsTotal', 'records of a whole run', 'extensive'],
    ['recordsDone', 'records that were done so far', 'extensive'],
    ['endOffset', 'messages that a partition has taken in since it exists', 'extensive'],
    ['lagMessages', 'messages that a group is behind', 'extensive'],
    ['lagMessagesMax', 'the most messages that a group was behind', 'extensive'],
    ['occurrences', 'how often it happened in the window'],
    ['members', 'members of a population'],
    ['membersDone', 'members that are done by the time'],
    ['crashLoops', 'times that a container waited in back-off'],
    ['brokerArguments', 'brokers that a request names'],
    ['threadsParallel', 'parallel collecting threads of a JVM', 'exact'],
    ['threadsConcurrent', 'concurrent collecting threads of a JVM', 'exact'],
    ['goals', 'goals'],
    ['goalsMet', 'goals that are met'],
  ]),
  ...rows('duration', [
    ['retention', 'how long records are kept', 'exact'],
    ['downTime', 'from the beginning of a restart to being back'],
    ['recoveryTime', 'from being back to being in sync'],
    ['stabilisation', 'wait after a step, before the next', 'exact'],
    ['duration', 'how long it took'],
    ['durationMean', 'mean of its durations'],
    ['durationP50', 'median of its durations'],
    ['durationP99', '99th percentile of its durations'],
    ['durationMax', 'the longest of its durations'],
    ['durationUsual', 'how long it takes when nothing is wrong'],
    ['pauseMean', 'mean of the pauses'],
    ['pauseP50', 'median of the pauses'],
    ['pauseP99', '99th percentile of the pauses'],
    ['pauseMax', 'longest pause'],
    ['pauseGoal', 'goal for a pause', 'exact'],
    ['pauseTime', 'all pauses together, counted since the process started'],
    ['lagTime', 'how old is what is read'],
    ['alertFor', 'how long a condition must hold', 'exact'],
    ['alertEvery', 'time between evaluations', 'exact'],
    ['lifetime', 'from issue to expiry', 'exact'],
    ['renewalGrace', 'renewed so long before expiry', 'exact'],
    ['nothingExpiresWithin', 'no member expires within'],
    ['outage', 'time during which it did not serve'],
    ['costPerMember', 'processor time that one member takes, known from elsewhere'],
    ['swapMin', 'shortest swap'],
    ['swapMean', 'mean swap'],
    ['swapMax', 'longest swap'],
  ]),
  ...rows('ratio', [
    ['diskUsedShare', 'diskUsed of diskCapacity'],
    ['diskUsedShareMean', 'mean of the parts'],
    ['memoryUsedShare', 'memoryUsed of memoryTotal'],
    ['memoryUsedShareMean', 'mean over time and parts'],
    ['memoryUsedSharePeak', 'the most of it'],
    ['cpuShareMean', 'mean of processor use'],
    ['cpuSharePeak', 'the most of it'],
    ['memoryAvailableShare', 'memoryAvailable of memoryTotal'],
    ['alertBelow', 'an alert fires for a share of available memory below it', 'exact'],
    ['heapUsedShare', 'heapUsed of heapMax'],
    ['leaderShare', 'leaders of all partitions'],
    ['recordsDoneShare', 'recordsDone of recordsTotal'],
    ['leaderSpread', 'no number of leaders departs from the mean by more, as a share of the mean'],
    ['diskSpread', 'no diskUsedShare departs from the mean by more, as a share of the mean'],
    ['diskGoalBand', 'what the met goals allow a diskUsedShare to depart from the mean', 'exact'],
    ['reservePercent', 'heap kept free for copying', 'exact'],
    ['availability', 'share of the time in which it served'],
    ['pauseP99Improvement', 'by how much pauseP99 fell'],
    ['pauseP50Improvement', 'by how much pauseP50 fell'],
  ]),
  ...rows('cpu', [
    ['cpuMean', 'mean processor use'],
    ['cpuPeak', 'most processor use'],
    ['cpuBaseline', 'processor use without the work'],
  ]),
  ...rows('number', [
    ['recordsTimes', 'recordsTotal as a multiple of the usual'],
    ['dollarsADay', 'cost of a day, US dollars'],
    ['dollarsAGigabyte', 'price of 10^9 bytes that cross a zone, both directions, US dollars', 'exact'],
  ]),
  ...rows('instant', [
    ['started', 'when it began'],
    ['ended', 'when it was done'],
    ['killed', 'when it was ended from outside, unfinished'],
    ['happened', 'when it happened'],
    ['told', 'when somebody said that it is done'],
    ['running', 'when somebody said that it still runs'],
    ['existsSince', 'it existed at this time already'],
    ['fired', 'when an alert fired'],
  ]),
]);
