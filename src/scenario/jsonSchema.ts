import { z } from 'zod';
import { scenarioKeys } from './load.ts';
import type { AnyPart, Part } from './part.ts';

/** As much of a JSON Schema as is read here. */
export interface JsonSchema {
  $schema?: string;
  title?: string;
  description?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  minProperties?: number;
  maxProperties?: number;
  minItems?: number;
  /** What a quantity measures: such a node is one leaf. */
  quantity?: string;
  [key: string]: unknown;
}

const distribution: JsonSchema = {
  description: 'a distribution: how a number is drawn',
  type: 'object',
  properties: {
    uniform: { type: 'object', description: 'from, to' },
    exponential: { type: 'object', description: 'mean' },
    lognormal: { type: 'object', description: 'median, p95' },
    weibull: { type: 'object', description: 'scale, shape' },
    pareto: { type: 'object', description: 'minimum, shape' },
    empirical: { type: 'object', description: 'of: a list of values' },
  },
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
};

/** A quantity accepts a scalar, one with its source, an unknown value and, where it may, chance. */
function quantity(name: string, description: string | undefined, varies: boolean): JsonSchema {
  const annotations = { source: { type: 'string' }, fittedOn: {}, residual: {}, unit: { type: 'string' } };
  const map = (own: Record<string, JsonSchema>, required: string): JsonSchema => ({
    type: 'object',
    properties: { ...own, ...annotations },
    required: [required],
    additionalProperties: false,
  });
  const forms: JsonSchema[] = [
    { type: 'string' },
    { type: 'number' },
    map({ value: {} }, 'value'),
    map({ uncertain: { $ref: '#/$defs/distribution' }, shared: { type: 'string' } }, 'uncertain'),
  ];
  if (varies) forms.push(map({ varies: { $ref: '#/$defs/distribution' } }, 'varies'));
  return { ...(description === undefined ? {} : { description }), quantity: name, anyOf: forms };
}

function schemaOf(schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const { $schema: _, ...rest } = made;
  return filled(rest);
}

/** Puts the forms of a quantity where the schema library sees only "anything". */
function filled(schema: JsonSchema): JsonSchema {
  if (schema.quantity !== undefined) {
    return quantity(schema.quantity, schema.description, schema.varies === true);
  }
  const made: JsonSchema = { ...schema };
  if (schema.properties !== undefined) made.properties = mapped(schema.properties, filled);
  if (schema.items !== undefined) made.items = filled(schema.items);
  if (schema.prefixItems !== undefined) made.prefixItems = schema.prefixItems.map(filled);
  if (schema.anyOf !== undefined) made.anyOf = schema.anyOf.map(filled);
  if (typeof schema.additionalProperties === 'object')
    made.additionalProperties = filled(schema.additionalProperties);
  return made;
}

/**
 * Without `required`, and with null allowed: a file may set a part of what `extends` or `platform` bring, and null removes. What is
 * missing in the whole is found by `check`, not by the editor.
 */
function partial(schema: JsonSchema): JsonSchema {
  if (schema.quantity !== undefined) return { ...schema, anyOf: [...(schema.anyOf ?? []), { type: 'null' }] };
  const { required: _, ...rest } = schema;
  const made: JsonSchema = { ...rest };
  if (rest.properties !== undefined) made.properties = mapped(rest.properties, partial);
  if (rest.items !== undefined) made.items = partial(rest.items);
  if (rest.anyOf !== undefined) made.anyOf = rest.anyOf.map(partial);
  if (typeof rest.additionalProperties === 'object')
    made.additionalProperties = partial(rest.additionalProperties);
  return made;
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function partSchemas(parts: readonly AnyPart[]): Record<string, JsonSchema> {
  const made: Record<string, JsonSchema> = {};
  for (const part of parts)
    made[part.name] = { ...schemaOf(part.settings as z.ZodType), description: part.says };
  return made;
}

/** What a timeline entry may be: one form for each action. */
function actionSchemas(parts: readonly AnyPart[]): JsonSchema[] {
  return (parts as unknown as readonly Part[]).flatMap((part) =>
    Object.entries(part.actions).map(([name, action]): JsonSchema => {
      const args = schemaOf(action.args as z.ZodType);
      return {
        ...args,
        description: action.says,
        properties: {
          at: { type: 'string', description: 'RFC 3339, or an offset from the start such as +10m' },
          do: { const: `${part.name}.${name}`, description: action.says },
          id: { type: 'string' },
          name: { type: 'string' },
          ...args.properties,
        },
      };
    }),
  );
}

function wholeScenario(parts: readonly AnyPart[]): JsonSchema {
  const own = schemaOf(z.strictObject(scenarioKeys));
  const actions = actionSchemas(parts);
  const timeline = { ...own.properties?.timeline };
  if (actions.length > 0) timeline.items = { anyOf: actions };
  return { ...own, properties: { ...own.properties, timeline, ...partSchemas(parts) } };
}

/** JSON Schema of a scenario file, for editors. */
export function scenarioJsonSchema(parts: readonly AnyPart[]): JsonSchema {
  return finished('A scenario of Rehearse', partial(wholeScenario(parts)));
}

/** JSON Schema of a platform file, for editors. */
export function platformJsonSchema(parts: readonly AnyPart[]): JsonSchema {
  const keys = { rehearse: scenarioKeys.rehearse, name: z.string(), extends: scenarioKeys.extends };
  const own = schemaOf(z.strictObject(keys));
  return finished(
    'A platform of Rehearse',
    partial({ ...own, properties: { ...own.properties, ...partSchemas(parts) } }),
  );
}

function finished(title: string, schema: JsonSchema): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    ...schema,
    required: ['rehearse'],
    $defs: { distribution },
  };
}

/**
 * Every key whose value is no map and no list of maps: `kafka.topics[].partitions`, `timeline[strimzi.rollingRestart].every`. The
 * branches of a choice are laid over each other; a map with free keys gives `{}` for a key.
 */
export function leafKeys(parts: readonly AnyPart[]): string[] {
  const found = new Set<string>();
  const schema = wholeScenario(parts);
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (key === 'timeline') continue;
    collect(value, key, found);
  }
  for (const action of actionSchemas(parts)) {
    const { properties = {}, ...rest } = action;
    const name = String(properties.do?.const);
    collect({ ...rest, properties }, `timeline[${name}]`, found);
  }
  return [...found].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0));
}

function collect(schema: JsonSchema, path: string, found: Set<string>): void {
  if (schema.quantity !== undefined) {
    found.add(path);
    return;
  }
  if (schema.anyOf !== undefined) {
    for (const branch of schema.anyOf) collect(branch, path, found);
    return;
  }
  if (schema.properties !== undefined) {
    for (const [key, value] of Object.entries(schema.properties)) collect(value, `${path}.${key}`, found);
    return;
  }
  if (typeof schema.additionalProperties === 'object') {
    collect(schema.additionalProperties, `${path}.{}`, found);
    return;
  }
  const items = schema.items;
  if (items !== undefined && hasKeys(items)) collect(items, `${path}[]`, found);
  else found.add(path);
}

function hasKeys(schema: JsonSchema): boolean {
  if (schema.quantity !== undefined) return false;
  return schema.properties !== undefined || (schema.anyOf ?? []).some(hasKeys);
}
