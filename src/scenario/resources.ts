/** What changes work on, by names that stand for themselves: `broker/0`, `topic/orders`, `node/*`. */

export const resourceKinds = [
  'broker',
  'topic',
  'node',
  'workload',
  'connector',
  'group',
  'registry',
  'mesh',
] as const;
export type ResourceKind = (typeof resourceKinds)[number];

/** Settings as far as names are read from them. */
interface Named {
  readonly kafka?: {
    readonly brokers?: readonly { readonly id: number; readonly node?: string | undefined }[];
    readonly topics?: readonly { readonly name: string }[];
    readonly consumerGroups?: readonly { readonly name: string }[];
  };
  readonly kubernetes?: {
    readonly nodes?: readonly { readonly name: string; readonly zone?: string | undefined }[];
    readonly workloads?: readonly { readonly name: string }[];
  };
  readonly connect?: { readonly connectors?: readonly { readonly name: string }[] };
}

/** All resources of a kind, or one for each name. */
export function resources(kind: ResourceKind, names?: readonly (string | number)[]): readonly string[] {
  return names === undefined ? [`${kind}/*`] : names.map((name) => `${kind}/${name}`);
}

/** The machines of a zone. */
export function nodesIn(zone: string, settings: Readonly<Record<string, unknown>>): readonly string[] {
  const nodes = (settings as Named).kubernetes?.nodes ?? [];
  return resources(
    'node',
    nodes.filter((n) => n.zone === zone).map((n) => n.name),
  );
}

/** Names that exist, by kind; a kind whose names nobody lists is absent. */
export function resourceNames(
  settings: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, readonly string[]> {
  const { kafka, kubernetes, connect } = settings as Named;
  const made = new Map<string, readonly string[]>();
  const add = (kind: ResourceKind, names: readonly (string | number)[] | undefined) => {
    if (names !== undefined) made.set(kind, names.map(String));
  };
  add(
    'broker',
    kafka?.brokers?.map((b) => b.id),
  );
  add(
    'topic',
    kafka?.topics?.map((t) => t.name),
  );
  add(
    'group',
    kafka?.consumerGroups?.map((g) => g.name),
  );
  add(
    'node',
    kubernetes?.nodes?.map((n) => n.name),
  );
  add(
    'workload',
    kubernetes?.workloads?.map((w) => w.name),
  );
  add(
    'connector',
    connect?.connectors?.map((c) => c.name),
  );
  return made;
}

/** With the brokers that nodes carry: who works on a machine works on what runs there. */
export function withCarried(
  on: readonly string[],
  settings: Readonly<Record<string, unknown>>,
): readonly string[] {
  const brokers = (settings as Named).kafka?.brokers ?? [];
  const carried = on.includes('node/*')
    ? resources('broker')
    : resources(
        'broker',
        brokers.filter((b) => b.node !== undefined && on.includes(`node/${b.node}`)).map((b) => b.id),
      );
  return [...new Set([...on, ...(brokers.length === 0 ? [] : carried)])];
}
