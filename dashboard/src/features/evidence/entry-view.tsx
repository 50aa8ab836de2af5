import { Badge } from '@/components/badge';
import type { Entry } from '@/features/evidence/api/views';
import { clock, count, usd, words } from '@/lib/format';
import { facts, list, shown, text, type Facts } from '@/lib/json';

/** One entry of the journal: texts as they are, calls and results as one line that opens. */
export function EntryView({ entry }: { entry: Entry }) {
  return (
    <li className={`entry entry-${entry.kind}`}>
      <div className="entry-head">
        <strong>{words(entry.role)}</strong>
        <span className="quiet">
          {entry.instance} · {entry.kind}
        </span>
        <Spent body={entry.body} />
        <time className="quiet" dateTime={entry.at} title={new Date(entry.at).toLocaleString()}>
          {clock(entry.at)}
        </time>
      </div>
      <Body entry={entry} />
    </li>
  );
}

function Body({ entry }: { entry: Entry }) {
  const { body } = entry;
  switch (entry.kind) {
    case 'opened':
      return (
        <>
          <Folded summary="System prompt">{longText(body['system'])}</Folded>
          {['tools', 'context', 'opening'].filter((name) => name in body).map((name) => (
            <Folded key={name} summary={words(name)}>{longText(body[name])}</Folded>
          ))}
        </>
      );
    case 'asked':
      return <p className="quiet">Asked the model, up to {usd(text(body['worst_case_usd']) || '0')} reserved.</p>;
    case 'answered':
      return list(body['content']).map(facts).map((block, index) => <Block key={index} block={block} />);
    case 'observed':
      return list(body['results']).map(facts).map((result, index) => (
        <Folded key={index} summary={firstLine(plain(result['content']))}>{plain(result['content'])}</Folded>
      ));
    default:
      return <Folded summary={firstLine(text(body['text']) || shown(body))}>{JSON.stringify(body, null, 2)}</Folded>;
  }
}

function Block({ block }: { block: Facts }) {
  if (block['type'] === 'text') return <p className="entry-text">{text(block['text'])}</p>;
  if (block['type'] === 'thinking') return <Folded summary="Reasoning">{text(block['thinking'])}</Folded>;
  const input = facts(block['input']);
  const line = text(input['command']) || text(input['path']) || shown(input);
  return <Folded summary={`${text(block['name'])}: ${firstLine(line)}`}>{Object.keys(input).length === 1 ? line : JSON.stringify(input, null, 2)}</Folded>;
}

function Folded({ summary, children }: { summary: string; children: string }) {
  return (
    <details className="folded">
      <summary>{summary}</summary>
      <pre className="code" tabIndex={0}>{children}</pre>
    </details>
  );
}

function Spent({ body }: { body: Facts }) {
  if (body['cost_usd'] === undefined) return null;
  const usage = facts(body['usage']);
  return (
    <Badge tone="muted" title="Fresh input, input from the cache, output">
      {usd(text(body['cost_usd']))} · {count(Number(usage['input_tokens'] ?? 0) + Number(usage['cache_write_tokens'] ?? 0))} fresh ·{' '}
      {count(Number(usage['cache_read_tokens'] ?? 0))} cached · {count(Number(usage['output_tokens'] ?? 0))} out
    </Badge>
  );
}

/** Large texts come as `{sha256, text}`. */
function longText(value: unknown): string {
  return text(facts(value)['text']) || (typeof value === 'string' ? value : JSON.stringify(value, null, 2));
}

function plain(content: unknown): string {
  return Array.isArray(content) ? content.map((block) => text(facts(block)['text'])).join('\n') : longText(content);
}

function firstLine(value: string): string {
  const line = value.split('\n').find((one) => one.trim() !== '' && !one.startsWith('<output')) ?? '';
  return line.length > 140 ? `${line.slice(0, 140)}…` : line || '(empty)';
}
