import type { Labels } from './labels.ts';

/**
 * What happened to an alert. `pending`, `lost`, `firing` and `resolved` are the server's; `notified` is a message that an alert manager sent, and
 * `delivered` its arrival; `acknowledged` and `escalated` are what people do; `closed`: the message that it is resolved has arrived.
 */
export type NewsKind =
  | 'pending'
  | 'lost'
  | 'firing'
  | 'resolved'
  | 'notified'
  | 'delivered'
  | 'acknowledged'
  | 'escalated'
  | 'closed';

export interface AlertNews {
  readonly kind: NewsKind;
  /** Microseconds. */
  readonly at: number;
  readonly alert: string;
  readonly labels: Labels;
  /** Since when it fires; NaN while it is pending. */
  readonly firingSince: number;
  /** The receiver or channel; empty for what the server itself does. */
  readonly channel: string;
  /** Who was told, or acknowledged; empty elsewhere. */
  readonly person: string;
}

export type NewsListener = (news: AlertNews) => void;
