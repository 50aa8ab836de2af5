import { useQuery } from '@tanstack/react-query';

/** A coloured piece of a line; `kind` is a class of the highlighter without its prefix, empty for plain text. */
export interface Piece {
  kind: string;
  text: string;
}

export type Highlight = (line: string) => Piece[];

const LANGUAGE: Record<string, string> = {
  py: 'python', ts: 'typescript', tsx: 'typescript', js: 'javascript', jsx: 'javascript', mjs: 'javascript', json: 'json',
  yaml: 'yaml', yml: 'yaml', sh: 'bash', go: 'go', java: 'java', rs: 'rust', sql: 'sql', css: 'css', html: 'xml', xml: 'xml',
  md: 'markdown', toml: 'ini', cfg: 'ini', ini: 'ini', rb: 'ruby', kt: 'kotlin', c: 'cpp', cpp: 'cpp', h: 'cpp', cs: 'csharp',
};

/** The highlighter is fetched when the first file is shown; until then, and for unknown languages, lines are plain. */
export function useHighlight(path: string): Highlight {
  const language = LANGUAGE[path.split('.').at(-1) ?? ''];
  const loaded = useQuery({
    queryKey: ['highlighter'],
    queryFn: async () => (await import('@/lib/highlighter')).pieces,
    enabled: language !== undefined,
  });
  if (language === undefined || loaded.data === undefined) return plain;
  const { data } = loaded;
  return (line) => data(language, line);
}

const plain: Highlight = (text) => [{ kind: '', text }];
