import type { Stream } from '../../engine/simulation.ts';

/**
 * How an agent tries again. Inside one request: five attempts, 100 ms before the second, doubled, each +-10 %. Source: Istio `pkg/security/retry.go`. After it the
 * error closes Envoy's SDS stream, which is opened again after a time drawn evenly below 0.5 s, 1 s, ... 30 s. Source: Envoy
 * `JitteredExponentialBackOffStrategy`.
 */
export const attemptsInside = 5;
const firstInsideMicros = 100_000;
const firstOutsideMicros = 500_000;
const mostOutsideMicros = 30e6;
/** 0.1 + 0.2 + 0.4 + 0.8 s: what five attempts take that fail at once. */
const insideMicros = 1_500_000;
/** From one burst of attempts to the next, in the long run: the inner ones and half of 30 s. */
export const meanRoundMicros = insideMicros + mostOutsideMicros / 2;

/** Wait before attempt n of a request, the second being 1; `u` is even in (0, 1). */
export function insideBackoff(attempt: number, u: number): number {
  let micros = firstInsideMicros;
  for (let i = 1; i < attempt; i += 1) micros *= 2;
  return Math.round(micros * (0.9 + 0.2 * u));
}

/** Wait before Envoy asks again after the n-th failure in a row, the first being 0. */
export function outsideBackoff(failures: number, u: number): number {
  let most = firstOutsideMicros;
  for (let i = 0; i < failures && most < mostOutsideMicros; i += 1) most *= 2;
  return Math.max(1, Math.round(Math.min(most, mostOutsideMicros) * u));
}

/** After which the rounds of an agent have forgotten when they began. */
const longMicros = 300e6;

/**
 * Until the next attempt of an agent that has failed at once for `waited` microseconds, without playing the attempts between: they change nothing. Its first rounds are drawn
 * one after another; later ones are a renewal process in equilibrium, whose rounds are 1.5 s and an even part of 30 s, and whose residual life r has the density P(round > r) / 16.5 s.
 */
export function untilNextAttempt(waited: number, draw: Stream): number {
  if (waited < longMicros) {
    let at = 0;
    for (let failures = 0; ; failures += 1) {
      at += insideMicros + outsideBackoff(failures, draw());
      if (at > waited) return at - waited;
    }
  }
  const u = draw();
  const flat = insideMicros / meanRoundMicros;
  if (u <= flat) return Math.max(1, Math.round(u * meanRoundMicros));
  const left = mostOutsideMicros * mostOutsideMicros - 2 * mostOutsideMicros * meanRoundMicros * (u - flat);
  return Math.max(1, Math.round(insideMicros + mostOutsideMicros - Math.sqrt(Math.max(0, left))));
}
