import type { G1Flags } from '../../models/jvm/flags.ts';
import { regionBytes } from '../../models/jvm/flags.ts';
import type { Allocation } from '../../models/jvm/g1.ts';
import type { Jvms } from '../../models/jvm/jvms.ts';
import { type OffHeap, pageCacheBytes } from '../../models/jvm/memory.ts';
import type { KafkaCluster } from '../../models/kafka/cluster.ts';
import { requestType } from '../../models/kafka/requestRates.ts';

/** What a broker allocates for its work, and what it keeps. */
export interface BrokerProgram {
  /** Bytes on the heap for each request, its buffers of records apart. */
  readonly bytesPerRequest: number;
  /** Bytes that stay alive: metadata, caches, sessions. */
  readonly liveBytes: number;
  /** Share of the allocated bytes that replaces one of those. */
  readonly longShare: number;
  /** Bytes of a mean object. */
  readonly objectBytes: number;
}

/**
 * A collection stops a broker; a broker's requests fill a heap; and the heap leaves the page cache what the container has beside it.
 *
 * Allocation: each produce request and each response to this broker's own fetches is read into one buffer of its size; under TLS what is
 * fetched passes through the heap as well; every request costs some more. What waits for followers lives until they have it.
 * Source: Kafka 3.7 `NetworkReceive.readFrom`, `PlaintextTransportLayer.transferFrom`, `DelayedProduce`. Simplified: responses to fetches of a broker
 * that catches up are humongous in some heaps, here they are ordinary.
 */
export function connectJvmToKafka(
  jvms: Jvms,
  kafka: KafkaCluster,
  program: BrokerProgram,
  offHeap: OffHeap,
  optionsOf: (broker: number) => G1Flags,
  memoryLimit: (broker: number) => number,
): void {
  const threads = kafka.settings.requests.networkThreads + kafka.settings.requests.ioThreads;
  jvms.optionsOf = optionsOf;
  jvms.loadOf = (broker): Allocation => {
    const volume = kafka.requests.volume(broker);
    const half = regionBytes(optionsOf(broker)) / 2;
    let humongousPerSecond = 0;
    let humongousBytes = 0;
    const load = kafka.requests.load(broker);
    for (const c of load.classes) {
      if (c.type !== requestType.produce || c.bytes <= half) continue;
      humongousPerSecond += c.perSecond;
      humongousBytes += c.perSecond * c.bytes;
    }
    const requests = volume.produceRequests + volume.fetchConsumerRequests + volume.fetchFollowerRequests;
    const buffered = volume.produceBytes - humongousBytes;
    const bytesPerSecond =
      buffered + volume.replicationInBytes + volume.fetchCopiedBytes + requests * program.bytesPerRequest;
    return {
      bytesPerSecond,
      mediumShare: bytesPerSecond > 0 ? buffered / bytesPerSecond : 0,
      mediumMicros: volume.purgatoryMicros,
      longShare: program.longShare,
      liveBytes: program.liveBytes,
      growing: false,
      objectBytes: program.objectBytes,
      humongousPerSecond,
      humongousBytes: humongousPerSecond > 0 ? humongousBytes / humongousPerSecond : 0,
      // From when it is read until it is appended.
      humongousMicros: humongousPerSecond > 0 ? load.meanRead + load.meanIo : 0,
      threads,
    };
  };
  jvms.onPause = (broker, micros) => kafka.pause(broker, micros);
  // Strimzi starts brokers with -XX:+ExitOnOutOfMemoryError: the container ends and is started again.
  jvms.onOutOfMemory = (broker) => kafka.brokers.kill(broker, 'java.lang.OutOfMemoryError: Java heap space');
  kafka.requests.onChange = (broker) => jvms.loadChanged(broker);
  const start = (broker: number) => {
    kafka.setPageCache(broker, pageCacheBytes(memoryLimit(broker), optionsOf(broker).heapBytes, offHeap));
    jvms.start(broker);
  };
  kafka.brokers.onStarting = start;
  const exited = kafka.brokers.onExited;
  kafka.brokers.onExited = (broker) => {
    jvms.stop(broker);
    exited(broker);
  };
  for (let b = 0; b < kafka.settings.brokers.length; b += 1) start(b);
}
