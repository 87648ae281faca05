import { type LabelMatcher, type Labels, matchesAll } from './labels.ts';

/** One node of the tree of routes, with what it inherits filled in. */
export interface Route {
  /** Unique in the tree. */
  readonly id: number;
  readonly receiver: string;
  readonly matchers: readonly LabelMatcher[];
  /** Labels that tell groups apart; undefined: all of them. */
  readonly groupBy: readonly string[] | undefined;
  readonly groupWaitMicros: number;
  readonly groupIntervalMicros: number;
  readonly repeatIntervalMicros: number;
  /** Whether the routes behind this one are looked at once it has matched. */
  readonly continues: boolean;
  /** Not inherited. */
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  readonly routes: readonly Route[];
}

/** Source: Alertmanager, dispatch/route.go `DefaultRouteOpts`. */
export const defaultRoute = {
  groupWaitMicros: 30e6,
  groupIntervalMicros: 300e6,
  repeatIntervalMicros: 14_400e6,
};

/**
 * The routes that an alert takes: the deepest that match, in order; a match ends the search among its siblings unless it `continues`.
 * Source: Alertmanager, dispatch/route.go `Route.Match`.
 */
export function routesOf(route: Route, labels: Labels): readonly Route[] {
  if (!matchesAll(labels, route.matchers)) return [];
  const all: Route[] = [];
  for (const child of route.routes) {
    const matched = routesOf(child, labels);
    all.push(...matched);
    if (matched.length > 0 && !child.continues) break;
  }
  return all.length === 0 ? [route] : all;
}

/** The labels by which a route groups this alert; one that the alert lacks is left out. */
export function groupLabels(route: Route, labels: Labels): Labels {
  if (route.groupBy === undefined) return labels;
  const made: Record<string, string> = {};
  for (const name of route.groupBy) if (labels[name] !== undefined) made[name] = labels[name];
  return made;
}
