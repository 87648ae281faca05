/** A remark about a line of a file. */
export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  readonly file: string;
  readonly line: number;
  readonly title: string;
  readonly message: string;
}

const data = (text: string) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const property = (text: string) => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');

/**
 * A workflow command of GitHub Actions, which shows the remark at its line in a pull request.
 *
 * Source: "Workflow commands for GitHub Actions", GitHub Docs; escapes: actions/toolkit, packages/core/src/command.ts.
 */
export function annotationLine({ level, file, line, title, message }: Annotation): string {
  return `::${level} file=${property(file)},line=${line},title=${property(title)}::${data(message)}`;
}
