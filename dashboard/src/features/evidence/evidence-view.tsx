export function EvidenceView({ id }: { id: string }) {
  return (
    <section>
      <p className="lead">Everything that speaks for this change, in one signed file.</p>
      <p>
        Request, spec, witnesses, verdicts, commits, prompts by hash, cost and approval. Anyone with the repository can check it
        without this server:
      </p>
      <pre className="terminal">changeline evidence verify {id}-evidence.json --repo PATH</pre>
      <a className="button" href={`/api/v1/change-requests/${id}/evidence?download=true`} download={`${id}-evidence.json`}>
        Download the evidence
      </a>
    </section>
  );
}
