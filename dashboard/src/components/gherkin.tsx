import type { ReactNode } from 'react';

const TITLE = /^(Feature|Rule|Background|Scenario|Examples)/;

interface Props {
  feature: string;
  /** What stands before each line, such as its number or a button. */
  gutter?: (line: string, number: number) => ReactNode;
  below?: (line: string, number: number) => ReactNode;
}

export function Gherkin({ feature, gutter, below }: Props) {
  return (
    <div className="code gherkin-text" tabIndex={0} role="group" aria-label="Feature">
      {feature.split('\n').map((line, index) => (
        <div key={index}>
          <div className="code-line">
            {gutter?.(line, index + 1)}
            <Line line={line} />
          </div>
          {below?.(line, index + 1)}
        </div>
      ))}
    </div>
  );
}

function Line({ line }: { line: string }) {
  const [, indent = '', word = '', rest = ''] = /^(\s*)(\S*)(.*)$/.exec(line) ?? [];
  const kind = word.startsWith('@') ? 'tag' : TITLE.test(word) ? 'title' : 'step';
  return (
    <span className={`gherkin gherkin-${kind}`}>
      {indent}
      <b>{word}</b>
      {rest}
    </span>
  );
}
