/** A platform of any size, as the benchmarks of the models load it: three zones, three replicas, 100 MB/s of traffic a broker. */
export function largePlatform(brokers: number, partitions: number) {
  return {
    rehearse: 1,
    extends: [
      'models/hardware/aws-ec2.yaml',
      'models/kubernetes/kubernetes-1.30.yaml',
      'models/strimzi/strimzi-0.42.yaml',
      'models/kafka/kafka-3.7.yaml',
    ],
    from: '2025-01-01T00:00:00Z',
    to: '+10m',
    kubernetes: {
      nodes: Array.from({ length: brokers }, (_, id) => ({
        name: `n${id}`,
        instance: 'i3en.2xlarge',
        zone: `z${id % 3}`,
      })),
    },
    kafka: {
      controllers: { mode: 'dedicated', ids: [100_000, 100_001, 100_002] },
      config: { 'min.insync.replicas': 2, 'default.replication.factor': 3 },
      holdLogsAtInitialSize: true,
      brokers: Array.from({ length: brokers }, (_, id) => ({
        id,
        node: `n${id}`,
        diskUsed: '1TB',
        disk: '2.5TB',
        pageCache: '5GiB',
      })),
      topics: Array.from({ length: 10 }, (_, i) => ({
        name: `t${i}`,
        partitions: partitions / 10,
        bytesIn: `${brokers * 10}MB/s`,
        messagesIn: `${brokers * 1000}/s`,
      })),
    },
  };
}
