import { Loaded } from '@/components/loaded';
import { useSigners } from '@/features/evidence/api/views';
import type { Schemas } from '@/lib/api';

const pinned = (key: Schemas['SignerKeyView']) => `--fingerprint ${key.fingerprint}`;

export function EvidenceView({ id }: { id: string }) {
  return (
    <section>
      <p className="lead">Everything that speaks for this change, in one signed file.</p>
      <p>
        Request, spec, witnesses, verdicts, commits, prompts by hash, cost and approval. Anyone with the repository can check it
        without this server, if they trust the key that signs here:
      </p>
      <Loaded query={useSigners()} what="the signing key">
        {(signers) => (
          <pre className="terminal" tabIndex={0}>
            {['changeline evidence verify', `${id}-evidence.json`, '--repo PATH', ...signers.map(pinned)].join(' ')}
          </pre>
        )}
      </Loaded>
      <a className="button" href={`/api/v1/change-requests/${id}/evidence?download=true`} download={`${id}-evidence.json`}>
        Download the evidence
      </a>{' '}
      <a
        className="button"
        href={`/api/v1/change-requests/${id}/evidence?download=true&format=dsse`}
        download={`${id}-evidence.dsse.json`}
      >
        As an in-toto attestation
      </a>
    </section>
  );
}
