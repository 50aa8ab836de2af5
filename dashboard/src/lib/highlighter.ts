import bash from 'highlight.js/lib/languages/bash';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { createLowlight } from 'lowlight';

import type { Piece } from '@/lib/highlight';

const lowlight = createLowlight({
  bash, cpp, csharp, css, go, ini, java, javascript, json, kotlin, markdown, python, ruby, rust, sql, typescript, xml, yaml,
});

type Tree = ReturnType<typeof lowlight.highlight>;
type Node = Tree['children'][number];

/** One line in pieces. The result is data, never markup, so nothing in a diff can become part of the page. */
export function pieces(language: string, line: string): Piece[] {
  return lowlight.highlight(language, line).children.flatMap((node) => flat(node, ''));
}

function flat(node: Node, kind: string): Piece[] {
  if (node.type === 'text') return [{ kind, text: node.value }];
  if (node.type !== 'element') return [];
  const names = node.properties.className;
  const own = Array.isArray(names) ? String(names[0]).replace('hljs-', '') : kind;
  return node.children.flatMap((child) => flat(child as Node, own));
}
