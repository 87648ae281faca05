import type { Labels } from '../models/monitoring/labels.ts';
import { parseTemplate, type Template, type TemplateProblem } from '../models/monitoring/template.ts';

/** Names, and texts that may be templates. */
export type LabelTexts = Readonly<Record<string, string>>;

/** What is wrong with a text as a template. */
export function notATemplate(text: string): TemplateProblem | undefined {
  const parsed = parseTemplate(text);
  return parsed.ok ? undefined : parsed.problem;
}

/** Fills in every text. Those that cannot be read, which the checks exclude, stay as they are. */
export function labelsBy(texts: LabelTexts): (labels: Labels, value: number) => Labels {
  const templates = Object.entries(texts).map(([name, text]): [string, Template] => {
    const parsed = parseTemplate(text);
    return [name, parsed.ok ? parsed.template : () => text];
  });
  // Plain texts are the same object each time, so that what was worked out with them is found again.
  if (Object.values(texts).every((text) => !text.includes('{{'))) return () => texts;
  return (labels, value) => Object.fromEntries(templates.map(([name, t]) => [name, t(labels, value)]));
}
