import type { z } from 'zod';

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly in?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly items?: readonly z.core.$ZodType[];
}

/** What a schema is once wrappers such as `optional` are taken off. */
function definition(schema: z.core.$ZodType): Definition {
  let def = schema._zod.def as unknown as Definition;
  while (def.innerType !== undefined) def = def.innerType._zod.def as unknown as Definition;
  return def.in === undefined ? def : definition(def.in);
}

/** The keys that a schema knows at a path: what a mistyped one is compared with. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let found = [definition(schema)];
  for (const segment of path) {
    found = found.flatMap((def) => {
      const branches = def.options === undefined ? [def] : def.options.map(definition);
      return branches.flatMap((d) => {
        const next = d.shape?.[String(segment)] ?? d.element ?? d.valueType;
        return next === undefined ? [] : [definition(next)];
      });
    });
  }
  return [
    ...new Set(
      found.flatMap((def) =>
        (def.options === undefined ? [def] : def.options.map(definition)).flatMap((d) =>
          Object.keys(d.shape ?? {}),
        ),
      ),
    ),
  ];
}
