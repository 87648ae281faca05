/**
 * What a subsystem says about itself, as data. Reports, exports and documentation read catalogues and know no
 * subsystem by name.
 */

/** One metric: a family of series, one per row of the gauge that carries the same name. */
export interface Metric {
  /** The name that the real exporter gives it, or `rehearse:...` for a measure of ours. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  /** Unit of the value, as printed: `s`, `B`, `B/s`, `messages`; empty for a plain count. */
  readonly unit: string;
  readonly help: string;
  /** Where the definition comes from: class, MBean, or product and version. */
  readonly source: string;
  /** Label names, in the order in which they are printed. */
  readonly labels: readonly string[];
  /** Whether its series carry further labels, which are known only once they are there. */
  readonly openLabels?: true;
  /** Whether its series come and go, so that a selector which matches none at the start may match one later. */
  readonly openSeries?: true;
  /** Whether it is sampled, so that its cost grows with the simulated time and not with what happens. */
  readonly sampled?: true;
}

/** One kind of notable event: what the timeline of a report and `events.arrow` show. */
export interface EventKind {
  readonly name: string;
  /** The row of the timeline it is drawn in, with `{subject}` filled in. */
  readonly lane: string;
  /** A sentence with `{subject}` and `{detail}`. */
  readonly says: string;
  /** Whether a step of a change begins with it: faults are tried at each. */
  readonly step?: true;
}

/** One entry of the standard risk block: a PromQL expression, evaluated on the change-exact series at the end of the period. */
export interface Risk {
  readonly name: string;
  readonly unit: string;
  readonly says: string;
  readonly that: string;
  /** The value at which nothing of a resource is left, where this measures one that more load uses up. */
  readonly full?: number;
  /** The value above which the report marks the entry; a scenario may set its own under `expect.standard`. */
  readonly limit?: number;
}

/**
 * One sign that a fault is not borne: a PromQL expression as of a risk. A fault is an outage when it comes out above what the same run without
 * the fault gives.
 */
export interface OutageSign {
  readonly name: string;
  readonly unit: string;
  readonly says: string;
  readonly that: string;
}

/** One estimate over many runs of a platform that fails by chance. */
export interface ReliabilityMeasure {
  readonly name: string;
  readonly unit: string;
  readonly says: string;
  /** PromQL as of a risk, with `$__range_s` for the played seconds; several series are added up. */
  readonly that: string;
  /** `mean` over the runs; `chance`: the share of runs in which it is above 0; `yearly`: its mean for a year of 365 days. */
  readonly of: 'mean' | 'chance' | 'yearly';
}

/** Something that a run found out and somebody has to know, in a sentence. */
export interface ModelFinding {
  readonly rule: string;
  readonly says: string;
  /** The run fails for it, whatever the scenario expects. */
  readonly fails?: true;
}

/** One chart of the report: the series that a PromQL selector or expression gives over the period. */
export interface Panel {
  readonly title: string;
  readonly that: string;
  readonly unit: string;
  /** The label that tells the lines apart. */
  readonly by?: string;
  /** Left out where every value is 0: what it is about did not happen. */
  readonly optional?: true;
  /** Drawn over many runs, too: quantiles of its highest line at each moment. */
  readonly spreads?: true;
}

/** A metric that whoever carries out a change keeps an eye on: its series are folded into one number. */
export interface WatchedMetric {
  readonly metric: string;
  readonly says: string;
  readonly unit: string;
  readonly fold: 'sum' | 'max';
  /** Above it a change is stopped. */
  readonly limit?: number;
}

export interface Catalogue {
  readonly metrics: readonly Metric[];
  readonly events: readonly EventKind[];
  readonly risks: readonly Risk[];
  readonly panels: readonly Panel[];
  /** The worst first. */
  readonly outages?: readonly OutageSign[];
  /** Metrics that grow while one more failure would be an outage: faults are tried in and beside these times. */
  readonly exposures?: readonly string[];
  readonly reliability?: readonly ReliabilityMeasure[];
  readonly watched?: readonly WatchedMetric[];
}
