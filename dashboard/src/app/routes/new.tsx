import { useSearchParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { useEarlier } from '@/features/submit/api/submit';
import { SubmitForm } from '@/features/submit/submit-form';
import { useRepositories } from '@/lib/repositories';
import { useTitle } from '@/lib/use-title';

export function NewPage() {
  const [params] = useSearchParams();
  const from = params.get('from') ?? '';
  const earlier = useEarlier(from);
  const repositories = useRepositories();
  useTitle('New change request · Changeline');
  return (
    <main className="page">
      <h1 className="page-title">New change request</h1>
      <Loaded query={repositories} what="repositories">
        {(known) =>
          from === '' ? (
            <SubmitForm initial={{ title: '', body: '', repository: params.get('repository') ?? (known.length === 1 ? (known[0]?.name ?? '') : '') }} />
          ) : (
            <Loaded query={earlier} what="the earlier request">
              {(of) => <SubmitForm initial={{ title: of.title, body: of.body, repository: known.find((one) => one.remote === of.repositories[0]?.remote)?.name ?? of.repositories[0]?.remote ?? '' }} />}
            </Loaded>
          )
        }
      </Loaded>
    </main>
  );
}
