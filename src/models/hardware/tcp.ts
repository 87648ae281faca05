/** Bytes of data in one segment: 1,500 bytes of Ethernet less IP and TCP headers with time stamps (RFC 7323). */
export const segmentBytes = 1448;

/** Least part of the retransmission timeout beyond the round trip. Source: Linux `TCP_RTO_MIN`, `tcp_set_rto`: srtt + max(4 mdev, 200 ms). */
export const leastTimeoutMicros = 200_000;

/** Largest receive window that Linux tunes a socket to by itself. Source: Linux `net.ipv4.tcp_rmem`, default maximum 6 MiB. */
export const tunedWindowBytes = 6_291_456;

/** Segments that one acknowledgement answers (delayed acknowledgements, RFC 1122). */
const segmentsPerAck = 2;

/**
 * Bytes per second of one TCP connection that always has something to send.
 *
 *     B = [(1-p)/p + W + Q(W)/(1-p)] / [R (b W/2 + 1) + Q(W) T f(p)/(1-p)]                      W < Wm
 *     B = [(1-p)/p + Wm + Q(Wm)/(1-p)] / [R (b Wm/8 + (1-p)/(p Wm) + 2) + Q(Wm) T f(p)/(1-p)]   else
 *     W = (2+b)/(3b) + sqrt(8(1-p)/(3bp) + ((2+b)/(3b))^2)
 *     Q(w) = min(1, (1-(1-p)^3)(1+(1-p)^3(1-(1-p)^(w-3))) / (1-(1-p)^w)),   f(p) = 1 + p + 2p^2 + 4p^3 + 8p^4 + 16p^5 + 32p^6
 *
 * in segments per second, with b = 2. R is the round trip, T the first timeout, Wm the receiver's window in segments. Without loss it is Wm/R.
 *
 * Source: J. Padhye, V. Firoiu, D. Towsley, J. Kurose, "Modeling TCP Throughput: A Simple Model and its Empirical Validation" (SIGCOMM 1998), the full
 * model. It is TCP Reno, losses within one round trip in one burst; CUBIC and selective acknowledgements recover faster, so that a modern sender
 * does somewhat better. T = R + 200 ms, as Linux has it on a steady round trip.
 * @param loss p, the share of bursts of loss among segments, 0 to 1
 * @param roundTripMicros R ≥ 0; below 1 us it counts as 1 us
 * @param windowBytes receive window > 0
 */
export function tcpRate(loss: number, roundTripMicros: number, windowBytes: number): number {
  const p = loss;
  const R = Math.max(1, roundTripMicros) / 1e6;
  const most = Math.max(1, windowBytes / segmentBytes);
  if (p <= 0) return (most * segmentBytes) / R;
  if (p >= 1) return 0;
  const T = R + leastTimeoutMicros / 1e6;
  const b = segmentsPerAck;
  const c = (2 + b) / (3 * b);
  const free = c + Math.sqrt((8 * (1 - p)) / (3 * b * p) + c * c);
  const backoff = 1 + p * (1 + p * (2 + p * (4 + p * (8 + p * (16 + p * 32)))));
  const kept = Math.log1p(-p);
  const q = (w: number) => {
    if (w <= 3) return 1;
    const three = Math.exp(3 * kept);
    const among = (1 - three) * (1 + three * (1 - Math.exp((w - 3) * kept)));
    return Math.min(1, among / -Math.expm1(w * kept));
  };
  const w = Math.min(free, most);
  const timeouts = (q(w) * T * backoff) / (1 - p);
  const sent = (1 - p) / p + w + q(w) / (1 - p);
  const rounds = free < most ? (b * w) / 2 + 1 : (b * w) / 8 + (1 - p) / (p * w) + 2;
  return (sent / (R * rounds + timeouts)) * segmentBytes;
}
