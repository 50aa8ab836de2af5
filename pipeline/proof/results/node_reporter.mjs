// Node's own JUnit reporter does not name the file of a test and loses why a file failed to load; this one keeps both.
// It runs in the parent process, apart from the test files, and writes one JSON object per line.
const plain = (error, depth = 0) =>
  error instanceof Error && depth < 3
    ? {
        name: error.name,
        message: String(error.message).slice(0, 4000),
        code: error.code ?? null,
        kind: error.failureType ?? null,
        stack: String(error.stack ?? "").slice(0, 4000),
        cause: error.cause === undefined ? null : plain(error.cause, depth + 1),
      }
    : { name: null, message: String(error).slice(0, 4000), code: null, kind: null, stack: "", cause: null };

export default async function* changelineReporter(source) {
  for await (const { type, data } of source) {
    if (type === "test:pass" || type === "test:fail" || type === "test:start") {
      yield JSON.stringify({
        type,
        file: data.file ?? null,
        name: data.name,
        nesting: data.nesting,
        line: data.line ?? null,
        suite: data.details?.type === "suite",
        skip: data.skip !== undefined,
        todo: data.todo !== undefined,
        duration_ms: Math.round(data.details?.duration_ms ?? 0),
        error: data.details?.error ? plain(data.details.error) : null,
      }) + "\n";
    } else if (type === "test:stderr") {
      yield JSON.stringify({ type, file: data.file ?? null, text: String(data.message).slice(0, 4000) }) + "\n";
    }
  }
}
