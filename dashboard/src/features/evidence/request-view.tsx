import { useRequestTexts } from '@/lib/request-texts';
import { RequestTexts } from '@/components/request-texts';
import type { Schemas } from '@/lib/api';

type Detail = Schemas['ChangeRequestDetail'];

interface Criterion {
  id: string;
  text: string;
}

/** What was asked for, and what the intake agent understood. */
export function RequestView({ of }: { of: Detail }) {
  const texts = useRequestTexts(of.id, of.request_revision > 1 || of.proposed_revision !== null);
  const { summary, criteria } = understood(of.structured);
  return (
    <div className="sections">
      <section>
        <h3>{of.request_revision === 1 ? 'As submitted' : `As it is worked on, revision ${of.request_revision}`}</h3>
        <pre className="prose">{of.body}</pre>
      </section>
      {texts.data && texts.data.items.length > 1 && (
        <section>
          <h3>Every text of this request</h3>
          <RequestTexts items={texts.data.items} inUse={texts.data.in_use} />
        </section>
      )}
      {(summary !== '' || criteria.length > 0) && (
        <section>
          <h3>As understood</h3>
          <p className="lead">{summary}</p>
          <ul className="criteria">
            {criteria.map((criterion) => (
              <li key={criterion.id}>
                <code>{criterion.id}</code> {criterion.text}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function understood(structured: Detail['structured']): { summary: string; criteria: Criterion[] } {
  const summary = structured['summary'];
  const criteria = structured['acceptance_criteria'];
  return {
    summary: typeof summary === 'string' ? summary : '',
    criteria: Array.isArray(criteria) ? criteria.map(criterionOf) : [],
  };
}

function criterionOf(value: unknown, index: number): Criterion {
  const facts = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const text = facts['text'] ?? value;
  const id = facts['id'];
  return { id: typeof id === 'string' ? id : String(index + 1), text: typeof text === 'string' ? text : JSON.stringify(text) };
}
