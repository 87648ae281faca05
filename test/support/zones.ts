import { type NetworkSettings, ZoneNetwork } from '../../src/models/hardware/network.ts';
import type { ClusterSettings } from '../../src/models/kafka/settings.ts';
import { makeCluster } from './cluster.ts';

export const calm: NetworkSettings = {
  betweenZones: { roundTripMicros: undefined, loss: 0 },
  withinZone: { roundTripMicros: undefined, loss: 0 },
  pairs: [],
  dollarsPerByte: 0.02 / 1e9,
};

/** Partition i on the brokers i, i + 1, ..., so that each broker carries as much as the others. */
export function inTurn(brokers: number, factor: number, partitions = brokers): Int32Array {
  const rows = new Int32Array(partitions * factor);
  for (let p = 0; p < partitions; p += 1)
    for (let j = 0; j < factor; j += 1) rows[p * factor + j] = (p + j) % brokers;
  return rows;
}

/** A cluster whose brokers stand in the zones a, b and c in turn. */
export function inZones(
  settings: ClusterSettings,
  network: NetworkSettings = calm,
  options: Parameters<typeof makeCluster>[1] = {},
  linkRate?: number,
) {
  const made = makeCluster(settings, options, linkRate);
  const zones = new ZoneNetwork(made.sim, network);
  const usual = settings.timing.roundTripMicros;
  made.cluster.connectNetwork({
    zones: settings.brokers.map((_, b) => 'abc'[b % 3] as string),
    dollarsPerByte: network.dollarsPerByte,
    roundTripMicros: (a, b) => zones.roundTripMicros(a, b),
    connectionRate: (a, b) =>
      zones.loss(a, b) > 0 || zones.roundTripMicros(a, b) !== undefined
        ? zones.connectionRate(a, b, usual, settings.receiveBufferBytes)
        : Number.POSITIVE_INFINITY,
  });
  zones.onChange = () => made.cluster.networkChanged();
  return { ...made, zones };
}
