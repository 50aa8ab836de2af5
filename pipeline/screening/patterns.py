"""What instructions to agents look like in English, and in signs that need no language.

Problem: the words of an attack are the words of everyday tickets: admin APIs, tokens, tests to be deleted. Choice: a
pattern describes what is asked for and by whom; it weighs in full where it is asked (a clause begins with it, or somebody
must do it) and as a mention where it is told, negated or quoted as an example. Invariant: `high` is what no honest request
needs to ask of agents; a corpus holds both sides (docs/screening.md).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.findings import Risk
from pipeline.screening.hidden_text import FoldedText, as_words, fold, unleet

_NEGATION = re.compile(
    r"(?:\bnever|\bnot|\b(?:do|does|did|must|should|can|could|would|is|are|was|were|will|wo|ca)n ?t|\bavoid(?:s|ing)?|\bstops?|\bstopped|\bwithout|\bprevent\w*|\bno longer|\bredact\w*|\bmask\w*|\bforbid\w*|\brefuse\w*|\binstead of|\breject\w*|\bblock\w*|\bdetect\w*|\bremoves?|\breplaces?|\bprotect\w*|\bwarn\w*|\bnobody|\bno one)\W+(?:\w+\W+){0,4}$"
)
_INSISTING = re.compile(r"\b(?:forget|hesitate|fail|worry|only|just)\b")
_NEGATION_REACH = 60
_REPORTING = re.compile(
    r"\b(?:contain\w*|typ(?:es?|ed|ing)|enter(?:s|ed|ing)?|wr(?:ites?|iting|ote|itten)|say(?:s|ing)?|said|such as|for example|examples?|e g|phrases?|sentences?|payloads?|attempts?|inject\w*|attack\w*|reads|shows?|displays?|label|button|message|text|title|heading|called|named|option|answer\w*)\b[^.!?\n]{0,80}$"
)
_REPORTING_REACH = 140
_QUOTES = "\"'`“”„«»‘’‚「」『』*_~"
_CLAUSE_ENDS = ".!?;:,—–-•*>([{|\n。、，"
_ASKING = re.compile(
    r"(?:\b(?:please|kindly|and|then|or|but|also|now|just|simply|instead|first|next|finally|afterwards|immediately|always|must|should|shall|will|to do|you|agents?|assistant|ai|urgent|important|so|lets?|it|again|step)"
    r"|\b(?:you|agents?|reviewers?|we)(?: \w+)? (?:can|may|could|might|are allowed to|are free to)|\b(?:want|wants|need|needs|have|has|ask|asks|order|tell|authori[sz]e|allow|remember|sure|forget|instructed|required|free|expected|supposed|like|permission)(?: you| it| agents)? to) $"
)
_ASKING_REACH = 40
_OPENING_QUOTES = ('"', "'", "`", "“", "„", "«", "‘", "「")
_ENGLISH_RUNNING = frozenset(
    {"run", "execute", "call", "use", "start", "begin", "do", "type", "paste", "launch", "install"}
)
_RUNNING = re.compile(
    r"\b(?P<word>run|execute|call|use|start|begin|do|type|paste|launch|install|ejecut\w+|execut\w+|esegui\w*|führe?|lance[zr]?|запусти\w*|bыпoлhи\w*|uruchom|voer|kor|spust|実行\w*|运行|执行|실행\w*)\W{0,3}(?:\w+\W{1,3}){0,3}$"
)
_REPRODUCING = re.compile(r"\b(?:steps? to reproduce|to reproduce|reproduction|how to reproduce)\b")


class Pattern(NamedTuple):
    """A shape over words in lower case (see `as_words`) or, if it needs signs, over the folded text."""

    name: str
    risk: Risk
    shape: re.Pattern[str]
    explanation: str
    asked: bool = True
    """Whether it counts in full only where it is asked for."""
    mention: Risk | None = Risk.LOW
    """What it counts where it is only told, negated or quoted; None is nothing."""
    signs: bool = False
    negatable: bool = True
    """Whether "never …" before it makes it a mention."""
    commanded: bool = False
    """Whether only "run …" before it makes it a demand, not the start of a line."""
    code_is_mention: bool = False
    """Whether inline code makes it a mention."""


class Match(NamedTuple):
    """Where a pattern holds in a text, and how much it counts there."""

    name: str
    risk: Risk
    start: int
    end: int
    explanation: str
    steers: bool = False
    """Whether it would steer agents or do harm if it stood where no reader sees it."""


def _shape(text: str) -> re.Pattern[str]:
    return re.compile(text.replace("_", " ").replace(r"\S+", r"\w+"))


def _signs(text: str) -> re.Pattern[str]:
    return re.compile(text)


_IGNORE = r"(?:ignore|disregard|forget|stop_following|stop_obeying|(?:do_not|don_?t|must_not|never|no_longer)_(?:follow|obey|heed|comply_with))"
_SET_ASIDE = rf"(?:{_IGNORE}|override|bypass|discard|overrule|neglect|abandon|violate|set_aside|put_aside|drop_all)"
_BEHIND = r"(?:previous|prior|above|earlier|preceding|original|initial|former)"
_INSTRUCTIONS = r"(?:instructions|guidelines|guardrails|safeguards|directives|system_prompts?|prompts)"
_RULES = r"(?:rules|polic(?:y|ies)|constraints|restrictions|orders|training|limits)"
_ENDS = r"(?=_\W|_?$|_(?:and|then|but|so|now|here|above|completely|entirely|from_now|in_this|for_this|of_this|of_the_repository|you|that_you|which_you|at_once|immediately|they)\b)"
_ENVIRONMENT = r"(?:(?:environment|env)_var(?:iable)?s?|os_environ|process_env|(?:full|entire|whole|complete)_environment|env_file)\b"
_WHOSE = r"(?:(?:all|every|any|the|its|our|your|full|complete|entire|whole|current|raw|of|single|server|build|container|process|sandbox|ci)_)"
_NOT_NAMED = r"(?!_(?:names?|keys_only|template|with_(?:their|the)_(?:defaults?|meaning|prefix)|by_name|and_their_(?:defaults?|meaning)|prefixed|starting|that_start|matching|needed|required|used|which_are|defined_for)\b)"
_SECRETS = r"(?:secrets?|credentials|api_keys?|private_keys?|(?:access|auth|api|deploy|session|bearer|github|model)_tokens?|passwords|ssh_keys?|connection_strings?|(?:github|gitlab|npm|aws|openai|anthropic|api|deploy|database)_(?:\w+_){0,2}?(?:token|key|secret|password)|keys)"
_LEAK = r"(?:print|dump|expose|leak|exfiltrate|send|post|upload|e?mail|transmit|forward|commit|paste|publish|reveal|echo|write|log|include|embed|copy|return|serve|append|put|output|save|store|attach|add|mirror)"
_OWNED = r"(?:production|server|build|ci|sandbox|machine|host|agent|pipeline|your|all_of_your)"
_OUT = r"(?:readme|changelog|pull_request|prs?|commits?|commit_message|comments?|description|gist|pastebin|https?|docs_\w+|fixtures?|tests_\w+|build_log|ci_log|test_output|about_page|footer|alt_text|our_\w+_server|our_server|partner|webhook|\w+_md)"
_TESTS = r"(?:unit_|integration_|existing_|new_|whole_|entire_|full_|other_|remaining_|protected_)?(?:tests?(?:_suite|s)?|tests|test_cases|test_run|suite|assertions)"
_CHECKS = r"(?:checks|verification|safety_checks|security_checks|quality_checks)"
_REVIEW = r"(?:(?:code|security|human|peer|spec|quality)_reviews?|the_(?:\S+_)?(?:reviews?|gates?|approvals?|screening)|(?:the_)?reviewers|approvals?|(?:the_)?(?:approval_(?:gate|step)|review_(?:stage|gate)|release_gate))"
_SPECIFIC = r"(?!_(?:of|in|on|from|under|below|above|until|when|whenever|whose|named|called|marked|round|reminders?|page|list|queue|mode|button|data|results?|files?|helpers?|that_(?!fail|still|break)|which_(?!fail|still|break)|for_(?!this|the_change|the_ticket|now)\w+|as|by|is|are|if|with|to|stage_of|folders?|directory|dir|without|while|after|before|across|which_fail_on|e_?mails?|notifications?|comments?|process_of|step_for|dialog|screen|menu|status|history|form|log)\b)"
_ENDPOINT = r"(?:endpoint|route|url|handler|api|webhook|port|path|page|shell|console)s?"
_HARMFUL_PATHS = r"(?:/etc/(?:passwd|shadow)\b|/proc/(?:self|\d+|\*)/(?:environ|cmdline|mem)\b|\bid_(?:rsa|ed25519|ecdsa)\b|~/\.(?:ssh|aws|netrc|docker/config|kube|config)\b|\.aws/credentials|(?:https?://)?169\.254\.169\.254|(?:https?://)?metadata\.google\.internal|/var/run/docker\.sock|/var/run/secrets|\.env\b)"
_PROCESS = (
    r"(?:(?:ignore|disregard|skip|override|forget|bypass|disable|turn off|switch off|remove)\W+(?:\w+\W+){0,3}?(?:tests?|reviews?|rules|instructions|guidelines|checks|approvals?|gates?|polic(?:y|ies)|security)\b"
    r"|push (?:to (?:main|master)|directly|straight|your|it)\b|merge (?:this|it|yourself|without|to main)\b|approve (?:this|it|without|everything|and|the (?:change|release|pull))\b|approve\W*$"
    r"|(?:print|write|send|copy|put|paste|upload)\b[^\n]{0,60}(?:\bsecrets?\b|\benvironment\b|\bkeys\b|\bcredentials\b|\.ssh|\.env\b)|\bagents? (?:may|must)\b|protected tests"
    r"|ignor(?:iert? die|ier|a las|ez)\w*|vergiss\b|missacht\w*|olvida\b|dürfen jetzt\b|ohne (?:freigabe|prüfung)|sans relecture|sin (?:revision|aprobacion))"
)
_AUTHORITY = (
    r"(?:grant (?:full|all|network|the)|has granted|is trusted|access granted|you may|you must|no restrictions)"
)
_READER = r"(?:ai|llms?|language models?|coding agents?|code agents?|ai agents?|ai assistants?|ai reviewers?|claude|gpt|copilot|agents ia|ki agenten)"
_PERHAPS_READER = r"(?:agents?|assistants?|model|bot|agente|agenten)"

PATTERNS: tuple[Pattern, ...] = (
    # --- set aside
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:about_)?(?:all_|any_|every_|each_of_)?(?:of_)?(?:the_|my_|these_|those_|your_|its_|whatever_)?(?:{_BEHIND}_(?:\S+_)?|your_(?:\S+_){{0,2}}?|system_|security_){_INSTRUCTIONS}\b|\b{_SET_ASIDE}_(?:all_|all_of_)?your_(?:\S+_){{0,2}}?{_INSTRUCTIONS}\b|\b{_IGNORE}_(?:\S+_)?system_prompt\b"),
            "It tells the reader to set its instructions aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:all|any|the|all_the|these|those|whatever)_(?:other_|given_)?{_INSTRUCTIONS}\b{_ENDS}"),
            "It tells the reader to set its instructions aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:all_|any_|all_of_|everything_in_)?your_(?:\S+_){{0,2}}?{_RULES}\b|\b{_IGNORE}_(?:all_|any_|every_)?(?:of_)?(?:the_|these_|those_)?{_BEHIND}_(?:\S+_)?{_RULES}\b{_ENDS}|\b{_SET_ASIDE}_(?:the_)?(?:security|safety|system|pipeline|repository)_{_RULES}\b{_ENDS}"),
            "It tells the reader to set its rules aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_IGNORE}_(?:all_)?(?:the|these|all|any)_{_RULES}\b{_ENDS}"),
            "It tells the reader to set its rules aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:ignore|disregard|forget)_(?:about_)?(?:everything|anything|all)_(?:\S+_){0,3}?(?:above|before|previous|prior|earlier|said|told|so_far|you_know)\b"),
            "It tells the reader to set its instructions aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(rf"\b{_SET_ASIDE}_(?:\S+_){{0,3}}?(?:instructions|rules|guidelines|prompt|orders)_(?:\S+_)?(?:above|so_far|you_(?:were|have_been|got|received|have))\b"),
            "It tells the reader to set its instructions aside."),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:your_(?:\S+_){0,3}?(?:instructions|guidelines|rules|prompts?|restrictions)|(?:instructions|guidelines|rules|prompts?|orders)_(?:that_)?you_(?:were|have|got|received|had)_(?:\S+_){0,2}?)_?(?:\S+_){0,3}?(?:(?:are|is)_(?:\S+_)?(?:void|obsolete|cancelled|canceled|superseded|suspended|lifted|revoked|over)|(?:no_longer|do_not|don_?t)_(?:apply|hold|count|matter|bind))\b"),
            "It declares the reader's instructions void.", asked=False, mention=Risk.MEDIUM),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:obey|listen_to|answer_to)_(?:only|nobody_but|no_one_but)_me\b|\bonly_(?:obey|listen_to)_me\b|\bfollow_(?:only|nothing_but)_(?:me|what_(?:stands|i_say|is_written)|this_(?:ticket|comment|text|paragraph)|my_\w+|these_instructions)\b|\bdo_what_i_say\b"),
            "It claims the reader for itself.", mention=Risk.MEDIUM),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\b(?:your|the|here_are_your|these_are_your)_(?:real|actual|true|new)_(?:instructions?|task|goal|objective|mission|job|purpose)_(?:is|are)_(?:to|now)\b"),
            "It replaces the task by another one.", mention=Risk.MEDIUM),
    Pattern("override_instructions", Risk.MEDIUM, _shape(r"\byour_(?:job|task|goal|mission)_is_(?:now_)?to\b"),
            "It gives the reader a task."),
    Pattern("override_instructions", Risk.HIGH, _signs(r"\bnew (?:task|instructions?|goal|objective|orders?)\s*:\s*\w+[^.\n]{0,80}\b(?:remove|delete|disable|skip|ignore|push|merge|approve|print|send|grant)\b|\bdisregard (?:the|this) (?:ticket|text|request|request) (?:policy|above)"),
            "It replaces the task by another one.", signs=True, asked=False),
    Pattern("override_instructions", Risk.HIGH, _shape(r"\byou_(?:(?:do_not|don_?t|no_longer)_(?:have_to|need_to)|need_not|needn_?t|must_not|should_not|are_free_not_to)_(?:follow|obey|heed|respect|comply_with)_(?:your|the|any|these)_(?:\S+_){0,2}?(?:instructions|guidelines|rules|polic(?:y|ies)|restrictions)\b"),
            "It tells the reader to set its rules aside.", asked=False, negatable=False),
    # --- impersonation
    Pattern("role_change", Risk.HIGH, _shape(r"\byou_are_(?:now|no_longer|hereby|from_now_on)_(?:\S+_){0,8}?(?:admin\w*|root|unrestricted|unbound|restrictions?|rules?|bound|developer_mode|dan|jailbroken|ai|agent|model|release_manager|code_writer|reviewer|full_(?:rights|access)|free)\b|\bpretend_(?:to_be|you_are|that_you)_(?:\S+_){0,3}?(?:admin\w*|unrestricted|developer|system|root|no_rules)|\b(?:act|behave|respond|operate|proceed)_(?:as_(?:\S+_){0,6}?)?(?:(?:without|no|free_of)_(?:any_)?(?:restrictions|limits|rules|limitations)|(?:with_)full_(?:rights|access|permissions))\b|\b(?:enter|switch_to|activate|go_into|you_are_in)_(?:\S+_)?(?:developer|god|sudo|jailbreak|dan|unrestricted)_mode_(?:and|in_which|where|without|now)\b"),
            "It gives the reader another role.", mention=Risk.MEDIUM),
    Pattern("role_change", Risk.LOW, _shape(r"\b(?:god|sudo|jailbreak|dan|unrestricted)_mode\b|\bjailbreak\w*\b"),
            "It speaks of models without restrictions.", asked=False),
    Pattern("prompt_disclosure", Risk.HIGH, _shape(r"\b(?:reveal|print|show|repeat|output|disclose|paste|quote|tell_me|include|write|put|copy|send)_(?:\S+_){0,4}?your_(?:system_|hidden_|initial_|developer_|full_)*(?:prompt|instructions|tools|guidelines)\b"),
            "It asks for the instructions of an agent."),
    Pattern("forged_turn", Risk.HIGH, _signs(r"<\|?\s*/?\s*(?:im_start|im_end|endoftext|eot_id|start_header_id)\s*\|>|\[/?inst\]|<<\s*/?sys\s*>>|</?\s*(?:untrusted|verified_spec|operator_instruction)\b"),
            "It imitates the markers by which conversations are told apart.", signs=True, asked=False, mention=Risk.MEDIUM, code_is_mention=True),
    Pattern("forged_turn", Risk.HIGH, _signs(rf"(?:^|\n)[ \t>#*`\-]*\[?(?:system|assistant|developer|operator)\]?(?: prompt| message| override| notice| note)?\s*[\]:*]+\s*[^\n]{{0,160}}?(?<![\w.])(?:{_PROCESS}|{_AUTHORITY})"),
            "It speaks as the system or as an agent.", signs=True, asked=False),
    Pattern("forged_turn", Risk.HIGH, _signs(r"\[/?system(?: message| override| prompt| notice)\]|(?:^|\n)[ \t#*]*system override\b|(?:^|\n|[-=\[<]{2,8})\s{0,4}(?:begin|end) (?:of )?(?:system|operator|developer|administrator) (?:prompt|message|override|note|notice|instructions?)|(?:^|\n)[ \t]*role:\s*(?:code|test|spec|input|security|quality|request|release)_[a-z]+|attached:\s*`?system\s*:"),
            "It speaks as the system or as an agent.", signs=True, asked=False),
    Pattern("forged_turn", Risk.HIGH, _signs(rf"[\"']role[\"']\s*:\s*[\"'](?:system|developer)[\"']\s*,\s*[\"']content[\"']\s*:\s*[\"'][^\"'\n]{{0,200}}?\b(?:you may|ignore|protected|skip|disregard|approve|without review|no rules|push)\b|</?(?:system|instructions?|operator|developer|assistant|admin)>\s*[^<\n]{{0,120}}\b(?:{_SET_ASIDE.replace('_', ' ')}|the user is trusted|new task|you may|without (?:review|approval|asking)|cleared|unattended|no longer appl\w+|skip the)\b"),
            "It imitates the markers by which conversations are told apart.", signs=True, asked=False, mention=Risk.MEDIUM, code_is_mention=True),
    Pattern("impersonation", Risk.HIGH, _shape(r"\b(?:this_is|i_am|speaking_as)_(?:the|your)_(?:\S+_){0,2}?(?:operator|administrator|maintainer|developer|security_team|release_manager|system)_(?:speaking\b|(?:\S+_){0,3}?(?:i_(?:authori[sz]e|allow|permit|order|instruct)_you|you_(?:may|must)))|\bi_(?:hereby_)?authori[sz]e_you\b|\bas_(?:the|your)_(?:operator|administrator|maintainer|owner)_i_(?:authori[sz]e|allow|permit|order|instruct)_you\b|\byou_have_(?:my|our)_(?:permission|approval)_to\b|\b(?:the_)?(?:operator|administrator|maintainer)_has_(?:granted|authori[sz]ed)_(?:network|you|full|the_agents?|access|permission)\b|\bagents?_(?:may|can|are)_now_(?:\S+_){0,3}?(?:network|internet|protected_tests|skip_(?:the_)?(?:tests|review))\b|\brepository_owner_wants_you\b|\b(?:message|note|order|notice)s?_from_the_(?:orchestrator|system|pipeline|operator|controller)_to_(?:the_|all_|every_|each_)?(?:\S+_)?agents?\b|\b(?:all|every)_agents?_(?:must|should|shall)_(?:now_)?(?:skip|ignore|approve|merge|push|deliver|disable)\b"),
            "It claims an authority that a text cannot have.", asked=False),
    Pattern("addressed_to_agent", Risk.HIGH, _shape(r"\bif_(?:an?|any)_(?:ai|llm|language_model|coding_agent|ai_agent)_(?:works|reads|handles|processes|sees|is)\b|\bif_you_are_(?:an?_)?(?:ai|llm|language_model|ai_(?:assistant|agent|model)|coding_agent|automated_(?:agent|reviewer|system)|agent_reading)\b|\bdear_(?:ai|claude|gpt|chatgpt|copilot|language_model|coding_agent|model)\b|\bai_agents?_(?:must|should|shall|have_to|need_to)_(?:\S+_){0,3}?(?:ignore|skip|push|merge|approve|disable|print|send|not|run|execute)\b|\bai_agents?_reading_this\b"),
            "It addresses the agents instead of describing the software.", asked=False),
    Pattern("addressed_to_agent", Risk.HIGH, _signs(rf"(?:^|[\n.!?>(\"'\[/])[ \t]*(?:dear |hey |hello |to )?(?:the |all )?(?:{_READER}\s*[,:][^\n]{{0,200}}?(?<![\w.])(?:{_PROCESS}|{_AUTHORITY}|after this|do not|don't)|{_PERHAPS_READER}\s*[,:][^\n]{{0,200}}?(?<![\w.]){_PROCESS})"),
            "It addresses the agents instead of describing the software.", signs=True, asked=False),
    Pattern("addressed_to_agent", Risk.HIGH, _signs(r"(?:^|[\n.!?>#(\[])[ \t*_#]*(?:note|message|attention|instructions?|reminder|memo|hint|important)s?,? (?:to|for) (?:the |all |any |every )?(?:ai|llms?|language models?|coding agents?|code agents?|reviewing bot|automated reviewer|agents?|assistant|model|bot)(?: \w+)?\s*[*_]*[:!]|\breviewers?\s*[:,]?\s*(?:should |must )?(?:answer|reply|respond)\b[^\n]{0,60}\b(?:approved?|empty|zero|no findings)\b|\breply that no (?:risk|problem|issue|finding)"),
            "It addresses the agents instead of describing the software.", signs=True, asked=False),
    # --- what people shall not see or decide
    Pattern("concealment", Risk.HIGH, _shape(r"\b(?:do_not|don_?t|never|without|but_not)_(?:mention|mentioning|tell|telling|report|reporting|disclose|disclosing|document)_(?:it|this|that|them|him|these|the_change|about_(?:it|this))_(?:\S+_){0,4}?(?:reviewers?|approvers?|operators?|maintainers?|summary|pull_request|pr|pr_description|commit_message|changelog|diff|anyone|anybody)\b|\b(?:do_not|don_?t|never)_(?:tell|inform|alert)_(?:the_|any_)?(?:\S+_)?(?:reviewers?|approvers?|operators?|maintainers?)_(?:about|of|that)\b|\b(?:hide|conceal|keep|leave)_(?:this|these|the_change|it|this_change|that)_(?:\S+_){0,3}?(?:from|out_of)_(?:the_|all_|any_)?(?:\S+_)?(?:reviewers?|approvers?|diff|summary|pr|pull_request|maintainers?|operators?)\b|\b(?:reviewers?|approvers?|maintainers?)_(?:must|should|shall|need|may)_(?:not|never)_(?:learn|know|see|notice|hear|find_out|be_told)\b|\bkeep_(?:this|it)_(?:a_secret|between_us)\b|\bso_that_(?:(?:the_)?(?:reviewers?|approvers?)_(?:do_not|don_?t|will_not|won_?t|cannot|never)_(?:notice|see|find)|(?:nobody|no_one)_notices)\b"),
            "It asks to keep something from the people who decide.", asked=False, negatable=False),
    Pattern("forged_verdict", Risk.HIGH, _shape(r"\b(?:approve|accept|merge|pass)_this_(?:change|pr|pull_request|review|diff|spec|ticket)_(?:\S+_){0,4}?(?:without|automatically|immediately|regardless|no_matter)\b|\bapprove_(?:it|this|the_(?:change|pull_request|diff))_(?:\S+_)?without_(?:any_|further_|a_)?review\b|\b(?:mark|report|treat|set)_(?:all|every|failing|these)_(?:\S+_){0,3}?(?:tests?|checks?|reviews?|findings?)_as_(?:passed|passing|approved|green|safe|resolved)\b|\b(?:report|return|submit|answer_with)_(?:zero|no|an_empty_list_of)_(?:findings|risks?)\b|\bapprove_without_(?:a_|any_|further_)?review\b"),
            "It dictates the result of a check."),
    Pattern("forged_verdict", Risk.HIGH, _shape(r"\bthis_(?:request|change|ticket|pr)_(?:was|is|has_been)_(?:already_)?(?:pre_?)?(?:approved|screened|verified|cleared|reviewed)_(?:and_\S+_)?(?:by|and)_(?:the_|our_)?(?:security|operators?|owners?|legal|compliance|management|screening|approved|safe|admins?|administrators?|maintainers?)\b|\b(?:the_)?(?:security|security_team|legal|owner|management)_has_(?:already_)?(?:approved|cleared|screened|reviewed)_(?:this|that|it)(?:_request)?(?:_already)?\b"),
            "It dictates the result of a check."),
    Pattern("forged_verdict", Risk.HIGH, _shape(r"\b(?:all|the)_(?:tests|checks|reviews|findings)_(?:(?:are|is)_to_be|shall_be|must_be)_(?:reported|marked|treated|counted)_as_(?:passed|passing|green|resolved|approved)\b|\btests?_(?:should_|must_|shall_)?always_pass_(?:whatever|regardless|no_matter|even)\b|\bmake_(?:all_|the_)?tests_pass_(?:regardless|no_matter|whatever|even)\b"),
            "It dictates the result of a check.", asked=False),
    # --- tests, reviews, approvals
    Pattern("skipped_check", Risk.HIGH, _shape(rf"\b(?:skip|disable|turn_off|switch_off|deactivate|bypass|omit|circumvent|suppress|ignore)_(?:all_|the_|any_|every_|your_|all_the_|further_|all_of_the_)(?:\S+_)?{_TESTS}\b{_SPECIFIC}|\b(?:skip|disable|turn_off|switch_off|bypass|omit|ignore)_(?:all_|every_|your_|all_the_)(?:\S+_)?{_CHECKS}\b{_SPECIFIC}|\b(?:skip|disable|turn_off|switch_off|deactivate|bypass|omit|circumvent|avoid)_(?:all_|any_|every_|further_)?{_REVIEW}\b{_SPECIFIC}|\b(?:skip|disable|bypass|turn_off|switch_off|omit)_(?:\S+_){{0,3}}?(?:tests|checks|review|reviews|approval|gate|gates)_(?:\S+_){{0,2}}?for_(?:this|the_change|now)\b|\bskip_the_checks\b{_ENDS}|\b(?:skip|omit|bypass)_(?:the_)?pull_request\b{_ENDS}"),
            "It asks to leave out tests, reviews or approvals."),
    Pattern("skipped_check", Risk.HIGH, _shape(r"\b(?:delete|remove|drop|comment_out|disable|skip|change|adjust|edit|rewrite)_(?:all_|the_|any_|every_|these_|all_the_)?(?:failing|failed|broken|red)_(?:tests|test_cases|checks|assertions)\b(?!_(?:of|on|in|under|until|from|for)\b)|\b(?:tests?|checks?)_(?:\S+_)?fails?_(?:just_|simply_)?(?:delete|remove|disable|skip|change)_(?:it|them|its|the_test)\b|\b(?:delete|remove|disable|skip|comment_out)_(?:the_|all_|any_|whatever_)?tests_(?:(?:that|which)_)?(?:still_)?(?:fail|break|are_red)\b|\breplace_(?:the_|all_|their_)?(?:assertions|asserts)_(?:by|with)\b|\b(?:loosen|weaken|relax|soften|lower)_(?:the_|all_|these_)?(?:assertions|expectations|existing_tests|tests)\b|\bchange_(?:its|the|their)_expectations?_so_that\b"),
            "It asks to weaken the tests instead of meeting them."),
    Pattern("skipped_check", Risk.HIGH, _shape(rf"\b(?:do_not|don_?t|never)_(?:run|execute|wait_for|ask_for|request)_(?:the_|any_|a_|all_)?(?:{_TESTS}|(?:the_)?(?:code_|security_)?(?:review|reviewers?|approval))\b{_SPECIFIC}|\bno_(?:code_|further_|human_)?(?:review|pull_request)_is_(?:needed|required|necessary)\b{_SPECIFIC}|\b(?:there_is_)?no_need_(?:for|of)_(?:a_|any_|the_)?(?:code_|security_|further_)?(?:review|tests|approval)\b{_SPECIFIC}|\b(?:do_not|don_?t|never)_(?:open|create|make)_(?:a_|any_|the_)?(?:pull_request|merge_request|pr)\b{_SPECIFIC}|\b(?:reviewers?|review|reviews|tests|checks|gates?|approval)_(?:is|are)_(?:switched_off|turned_off|disabled|suspended|skipped|waived)_for_this\b"),
            "It asks to leave out tests, reviews or approvals.", mention=Risk.LOW, negatable=False),
    # --- delivery
    Pattern("unapproved_delivery", Risk.HIGH, _shape(r"\b(?:push|commit|merge)_(?:(?!notification|message|event|alert)\S+_){0,4}?(?:straight|directly|right)_(?:in)?to_(?:the_)?(?:main|master|trunk|default_branch|production_branch)\b(?!_(?:screen|page|menu|window|view|thread|process|list|account|app|site|area|display|stage|notes?))|\b(?:push|commit|merge)_(?:\S+_){0,3}?(?:on|to|into)_(?:the_)?(?:main|master|trunk)_(?:branch_)?(?:directly|straight|at_once|yourself)\b|\b(?:push|commit|merge)_(?:\S+_){0,3}?(?:directly|straight|itself|yourself)_(?:\S+_){0,4}?(?:without|no_pull_request|no_review)\b|\b(?:merge|push|deliver|ship|release|deploy)_(?:it|this|yourself|it_yourself|your_\w+|to_(?:main|master|production)|the_(?:pr|pull_request|change|branch))_(?:\S+_){0,3}?without_(?:\S+_){0,3}?(?:approval|approver|approvers|review|reviews|asking|gate|gates|permission|checks)\b|\bforce_push_(?:\S+_){0,4}?(?:main|master|over|commit|history|trunk)\b|\bdelete_(?:the_)?git_history\b|\b(?:push|apply|make)_(?:\S+_){0,3}?directly_on_(?:main|master|trunk)\b|\balso_push_to_the_branch\b|\bapply_the_change_directly_on_main\b"),
            "It asks to deliver past the gates."),
    Pattern("unapproved_delivery", Risk.HIGH, _shape(r"\b(?:agent|agents|you)_(?:must_|should_|may_|shall_)?merges?_(?:its|their|your|the)_(?:own_)?(?:pull_request|pr|branch|change)_(?:\S+_){0,2}?(?:without|directly|itself)\b"),
            "It asks to deliver past the gates.", asked=False),
    Pattern("unapproved_delivery", Risk.MEDIUM, _shape(r"\bpush_to_(?:the_)?(?:main|master|trunk|production)\b|\bmerge_to_(?:main|master)\b"),
            "It asks to deliver past the gates."),
    # --- remote code
    Pattern("remote_code", Risk.HIGH, _signs(r"\b(?:curl|wget)\b[^\n|]{0,200}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|\b(?:ba|z|da)?sh\s+(?:-c\s+)?[\"']?(?:<|\$)\(\s*(?:curl|wget)\b|\b(?:python3?\s+-c\s+[^\n]{0,80})?exec\([^\n]{0,60}(?:urllib|urlopen|requests|httpx|fetch)[^\n]{0,120}https?://|\b(?:npx|pip install|npm install|npm i|uvx|pipx run)\s[^\n]{0,60}https?://|\b(?:iwr|invoke-webrequest)\b[^\n|]{0,200}\|\s*iex\b"),
            "It fetches something from elsewhere and runs it.", signs=True, mention=Risk.MEDIUM, commanded=True),
    Pattern("remote_code", Risk.HIGH, _shape(r"\b(?:fetch|download|get|pull|load|retrieve)_(?:\S+_){0,4}?https?_(?:\S+_){0,12}?(?:execute|run|eval|source|import|start)_(?:it|them|this|that|the_(?:script|file|code|program))\b"),
            "It fetches something from elsewhere and runs it."),
    Pattern("remote_code", Risk.HIGH, _shape(r"\b(?:run|execute)_(?:the_)?(?:script|program|binary|command)s?_(?:\S+_){0,4}?(?:first|before_you|before_anything)\b|\bif_you_are_\S+_(?:\S+_){0,5}?run_the_script\b"),
            "It asks agents to run something before their work.", mention=Risk.LOW),
    Pattern("encoded", Risk.HIGH, _signs(r"\becho [^\n|]{4,200}\|\s*base64\s+(?:-d|--decode|-di)\b[^\n|]{0,80}\|\s*(?:ba|z|da)?sh\b"),
            "It runs something that a reader cannot see.", signs=True, mention=Risk.MEDIUM),
    Pattern("encoded", Risk.HIGH, _signs(r"\b(?:eval|exec)\s*\(\s*(?:atob|base64|bytes|unescape|decode|codecs|string\.fromcharcode)"),
            "It runs something that a reader cannot see.", signs=True),
    Pattern("encoded", Risk.HIGH, _shape(r"\b(?:decode|decrypt|unscramble|deobfuscate)_(?:\S+_){0,6}?(?:and|then)_(?:\S+_){0,3}?(?:follow|execute|obey|do_(?:what|as)|perform|act_on|apply_what)\b"),
            "It asks to decode something and act on it."),
    Pattern("destruction", Risk.HIGH, _signs(r"\b(?:run|execute|call|do|use)\b[^\n.]{0,20}?\brm\s+-(?:rf|fr)\s+[\"']?(?:/|~/?|\$home/?|\*)\*?[\"'`]?(?=[\s.,;)]|$)|\b(?:run|execute|do|call)\b[^\n.]{0,20}?\bgit\s+push\s+(?:-f|--force)(?!-)[^\n.]{0,40}\b(?:main|master)\b|:\(\)\s*\{\s*:\|:"),
            "It names a command that destroys.", signs=True, asked=False),
    Pattern("destruction", Risk.LOW, _signs(r"\brm\s+-(?:rf|fr)\s+[/~*$\"]|\bdrop\s+(?:database|schema)\s+\w+\s*;|\bgit\s+push\s+(?:-f|--force)\b"),
            "It names a command that destroys.", signs=True, asked=False),
    # --- secrets
    Pattern("secrets", Risk.HIGH, _shape(rf"\b(?:print|dump|leak|exfiltrate|post|upload|paste|publish|reveal|echo|e?mail|log)_(?:out_|me_|us_)?{_WHOSE}*{_ENVIRONMENT}{_NOT_NAMED}|\b{_LEAK}_(?:out_)?(?:{_WHOSE}*(?:os_environ|process_env|(?:full|entire|whole|complete)_environment)|(?:the_)?(?:contents_of_)?(?:the_|your_)?env_file)\b{_NOT_NAMED}|\b(?:write|send|copy|commit|put|output|return|save|store|expose|transmit|forward|embed)_{_WHOSE}+{_ENVIRONMENT}{_NOT_NAMED}_(?:\S+_){{0,6}}?(?:in|into|to|on|as)_(?:\S+_){{0,3}}?(?:{_OUT}|logs?|response|page|file|server|endpoint|json)\b{_NOT_NAMED}"),
            "It asks to show or send the environment of a process, which holds secrets."),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b(?:pull_request|readme|commit_message|changelog|description|comment|summary|commit|report)_(?:\S+_){{0,3}}?(?:lists?|shows?|contains?|includes?|holds?)_{_WHOSE}+(?:{_ENVIRONMENT}|{_SECRETS}){_NOT_NAMED}|\b{_LEAK}_(?:\S+_)?your_(?:whole_|full_)?environment_(?:\S+_)?(?:in|into|to|on)_|\b{_SECRETS}_(?:\S+_){{0,12}}?(?:upload|send|post|mail|transmit)_(?:it|them|that)_to_(?:https?|\w+_\w+_(?:com|net|org|invalid|io))\b"),
            "It asks to show or send what must stay secret.", asked=False),
    Pattern("secrets", Risk.HIGH, _signs(r"\b(?:output|result|contents?) of (?:the )?(?:command )?[`'\"]?(?:env|printenv|export -p|set)[`'\"]?(?![\w.-])"),
            "It asks to show the environment of a process, which holds secrets.", signs=True, asked=False),
    Pattern("secrets", Risk.MEDIUM, _shape(rf"\b(?:write|send|copy|commit|put|output|return|expose|transmit|forward|embed)_{{_WHOSE}}+{_ENVIRONMENT}{_NOT_NAMED}".replace("{_WHOSE}", _WHOSE)),
            "It asks to show or send the environment of a process, which holds secrets."),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b{_LEAK}_(?:(?!if\b|when\b|new\b|prefix\b|of\b|masked\b)\S+_){{0,3}}?{_OWNED}_(?:(?!if\b|when\b)\S+_){{0,2}}?{_SECRETS}_(?:(?!header\b)\S+_){{0,9}}?(?:in|into|to|on|at|as)_(?:\S+_){{0,3}}?{_OUT}\b"),
            "It asks to show or send what must stay secret."),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b{_LEAK}_(?:(?!if\b|when\b|new\b|prefix\b|build\b|status\b)\S+_){{0,4}}?(?:all|every|any|the|your|value_of|contents_of|raw|full)_(?:(?!if\b|when\b|prefix\b|names?\b|of_a\b|of_the_job\b|public\b)\S+_){{0,2}}?{_SECRETS}_(?:(?!masked\b|from\b)\S+_){{0,4}}?(?:in|into|to|on|at|as)_(?:\S+_){{0,4}}?(?:readme|changelog|pull_request|prs?|commit|commit_message|comment|description|gist|pastebin|https?|docs_\w+|about_page|alt_text|\w+_md)\b"),
            "It asks to show or send what must stay secret."),
    Pattern("secrets", Risk.HIGH, _shape(rf"\b(?:collect|gather|enumerate|grab|harvest|steal|create|write|print|list|send|e?mail|post|upload|copy|forward)_(?:\S+_){{0,6}}?(?:all|every|any|each|the)_(?:\S+_){{0,2}}?{_SECRETS}_(?:that_)?(?:found|you_(?:can|find|have|know)|in_(?:the|your)_(?:settings|repository|environment|sandbox|code|machine))"),
            "It asks to gather what must stay secret."),
    Pattern("secrets", Risk.HIGH, _shape(r"\b(?:exfiltrate|leak|steal|harvest)_(?:\S+_){0,3}?(?:secrets|credentials|keys|tokens|passwords|data)\b|\b(?:print|reveal|dump|publish|paste|upload)_(?:all_|the_|your_)*(?:secrets|credentials)(?=_\W|_?$|_in_the_(?:readme|log)|_to_(?:the_)?(?:log|readme|pull))"),
            "It asks to show or send what must stay secret."),
    Pattern("secrets", Risk.HIGH, _signs(r"\$\(\s*(?:env|printenv|set|cat\s+[^)\n]{0,60}(?:\.env|id_rsa|secret|credentials|shadow)[^)\n]*)\s*\)|\b(?:env|printenv)\b\s*\|\s*(?:curl|nc|wget)\b|\bnc\s+-\w*e\b|/dev/tcp/"),
            "It sends the environment away.", signs=True, asked=False),
    Pattern("secrets", Risk.HIGH, _signs(r"\b(?:echo|print|cat)\s+[^\n|]{0,20}\$\{?\w*(?:secret|token|password|api_?key|access_key)\w*\}?(?!\w)(?!\s*[\"']?\s*\|)"),
            "It shows a secret in a shell.", signs=True),
    Pattern("secrets", Risk.HIGH, _signs(rf"\b(?:read|cat|print|show|attach|copy|send|upload|paste|fetch|commit|dump|post)\s+(?:the\s+|your\s+|contents?\s+|of\s+|file\s+|everything in\s+|all of\s+){{0,4}}[`'\"]?{_HARMFUL_PATHS}(?!\S*example)|\b(?:write|put|include|embed|store|save|add|list)\s+(?:the |all )?(?:contents?|everything|all|files|value) (?:of |in |from |below |under )?(?:the )?[`'\"]?{_HARMFUL_PATHS}|\b(?:contents?|everything|all files) (?:of|in|from|below|under) (?:the )?[`'\"]?{_HARMFUL_PATHS}[^\n]{{0,80}}\b(?:into|to|in|as|on)\b"),
            "It asks for a place where a machine keeps its secrets.", signs=True),
    Pattern("secrets", Risk.HIGH, _signs(rf"\b(?:commit message|readme|changelog|pull request|summary|description|comment)\b[^\n.]{{0,40}} (?:contains?|includes?|shows?|has) the contents? of [`'\"]?{_HARMFUL_PATHS}"),
            "It asks to show what a machine keeps secret.", signs=True, asked=False),
    Pattern("secrets", Risk.LOW, _signs(_HARMFUL_PATHS.replace(r"|\.env\b", "").replace("|config", "")),
            "It names a place where a machine keeps its secrets.", signs=True, asked=False),
    # --- ways around a control
    Pattern("debug_endpoint", Risk.HIGH, _shape(r"\b(?:add|create|expose|leave|implement|open|build|install|include|provide|make|keep|insert)_(?:\S+_){0,3}?(?:(?:hidden|undocumented|backdoor)_(?:\S+_){0,2}?(?:endpoint|route|api|handler|shell|console|url|port)s?|(?:unauthenticated|unprotected)_(?:\S+_){0,2}?(?:admin\w*|debug\w*|internal|management|user)_(?:\S+_)?(?:endpoint|route|api|handler|shell|console|url|page)s?)\b"),
            "It asks for an entry point that nobody knows or guards."),
    Pattern("debug_endpoint", Risk.MEDIUM, _shape(r"\b(?:add|create|expose|leave|implement|open|build|provide|make)_(?:\S+_){0,3}?(?:unauthenticated|unprotected)_(?:\S+_){0,2}?(?:endpoint|route|api|handler|shell|console|url|page)s?\b"),
            "It asks for an entry point that nobody guards."),
    Pattern("debug_endpoint", Risk.HIGH, _shape(rf"\b(?:add|create|expose|leave|implement|open|build|install|include|provide|make|insert)_(?:\S+_){{0,5}}?{_ENDPOINT}_(?:\S+_){{0,2}}?(?:that|which|to)_(?:\S+_){{0,2}}?(?:(?:dumps?|returns?|shows?|prints?|exposes?|serves?)_(?:\S+_){{0,3}}?(?:environment(?!_name)|env|(?:request_)?internals|memory|secrets|process_env|credentials|full_config\w*)|(?:executes?|evals?|runs?)_(?:\S+_){{0,2}}?(?:shell|arbitrary|any|given|system|python)_(?:\S+_)?(?:commands?|code|statements?|expressions?))\b"),
            "It asks for an entry point that runs or shows what it is given."),
    Pattern("debug_endpoint", Risk.LOW, _shape(rf"\b(?:debug(?:ging)?|diagnostics?|hidden|undocumented|unauthenticated|maintenance|introspection)_(?:\S+_){{0,2}}?{_ENDPOINT}\b"),
            "It speaks of an entry point to the inside.", asked=False),
    Pattern("backdoor", Risk.HIGH, _shape(r"\b(?:add|create|leave|insert|install|build|include|implement|hide|keep|introduce)_(?:\S+_){0,4}?(?:back_?doors?|master_(?:password|key|token))\b|\bhard_?code_(?:\S+_){0,4}?(?:password|credential|token|key|admin|secret)s?\b|\baccept_any_(?:password|token|signature|certificate)\b|\b(?:let|allow|permit)_(?:\S+_){0,8}?(?:sign_in|log_in|login|authenticate)_(?:\S+_){0,2}?(?:with_any_password|without_(?:a_)?password|as_any(?:body|one|_user))\b|\b(?:skip|bypass|disable|circumvent|omit|remove)_(?:\S+_){0,3}?(?:authentication|authorization|authorisation|login|permission_checks?|access_controls?|sign_in_check|signature_(?:check|verification))_(?:\S+_){0,2}?(?:if|when|for|whenever)_(?:the_)?(?:header|password|parameter|ip|support|x_\w+)"),
            "It asks for a way around a control."),
    Pattern("backdoor", Risk.MEDIUM, _shape(r"\b(?:header|parameter|requests?|cookie|user_agent)_(?:\S+_){0,6}?(?:skips?|bypass(?:es)?|circumvents?|disables?)_(?:\S+_)?(?:authentication|authorization|authorisation|login|sign_in|access_controls?)\b"),
            "It asks for a way around a control.", asked=False),
    Pattern("backdoor", Risk.LOW, _shape(r"\bback_?doors?\b|\bmaster_password\b"), "It speaks of a way around a control.", asked=False),
    # --- what reviewers look at
    Pattern("infrastructure", Risk.MEDIUM, _shape(r"\b(?:modify|change|edit|update|add|remove|delete|replace|alter|rewrite|touch|adjust)_(?:\S+_){0,5}?(?:dockerfile|docker_compose|ci_cd|ci_(?:pipeline|workflow|config)|github_actions?|gitlab_ci|jenkinsfile|deploy(?:ment)?_scripts?|github_workflows?|terraform|helm_chart|makefile)\b"),
            "It reaches into how the software is built or delivered.", asked=False),
    Pattern("weakened_control", Risk.MEDIUM, _shape(r"\b(?:disable|turn_off|switch_off|skip|deactivate|suppress|loosen|relax|weaken)_(?:\S+_){0,3}?(?:tests?|test_suite|lint\w*|type_checks?|security|ssl|tls|certificate|csrf|cors|validation|sanitiz\w+|sanitis\w+|signature|authentication|authorization|rate_limit\w*|audit\w*|encryption|firewall)\b"),
            "It asks to weaken a control."),
    Pattern("secret_mention", Risk.LOW, _shape(r"\b(?:environment_variables?|env_vars?|credentials?|secrets?|api_keys?|private_keys?)\b"),
            "It speaks of secrets or of the environment.", asked=False),
    Pattern("code_execution", Risk.LOW, _signs(r"\b(?:eval|exec)\s*\("),
            "It speaks of running text as code.", signs=True, asked=False),
    Pattern("scope", Risk.LOW, _shape(r"\bwhile_(?:you_are|you_?re)_(?:at_it|there)\b|\b(?:also|additionally)_(?:refactor|rewrite|migrate|upgrade|redesign)_(?:\S+_){0,3}?(?:everything|all|whole|entire|codebase)\b|\bas_a_side_(?:task|note|job)\b|\bunrelated(?:ly)?\b"),
            "It goes beyond one stated purpose.", asked=False),
)  # fmt: skip
_IMITATED = (
    "ignore",
    "instruction",
    "disregard",
    "forget",
    "secret",
    "environment",
    "approve",
    "rules",
    "tests",
    "review",
)


def matches(text: str) -> Iterator[Match]:
    """Find every pattern in a text; offsets point into it."""
    folded = fold(text)
    plain = as_words(folded)
    read = unleet(folded)
    imitated = as_words(read) if any(read.text.count(word) > folded.text.count(word) for word in _IMITATED) else None
    for pattern in PATTERNS:
        views = (folded,) if pattern.signs else (plain, imitated)
        for view in filter(None, views):
            for found in pattern.shape.finditer(view.text):
                if match := _weighed(pattern, text, view, found):
                    yield match


def _weighed(pattern: Pattern, text: str, view: FoldedText, found: re.Match[str]) -> Match | None:
    start, end = view.span(found.start(), found.end())
    steers = pattern.risk is Risk.HIGH
    risk: Risk | None = pattern.risk
    explanation = pattern.explanation
    if steers and _against(pattern, text, view, found):
        risk, steers = pattern.mention, False
        explanation = f"{explanation} It seems to be told about, or asked against."
    elif pattern.asked and not _asked(pattern, text, view, found.start()):
        risk = pattern.mention
        explanation = f"{explanation} It seems to be a description."
    return None if risk is None else Match(pattern.name, risk, start, end, explanation, steers)


def _against(pattern: Pattern, text: str, view: FoldedText, found: re.Match[str]) -> bool:
    start = view.origin[found.start()]
    if pattern.code_is_mention and _in_code(text, start):
        return True
    return told(text, start) or (pattern.negatable and _negated(view.text, found.start()))


def _asked(pattern: Pattern, text: str, view: FoldedText, at: int) -> bool:
    if not pattern.commanded and asks(text, view, at):
        return True
    if not pattern.signs:
        return False
    before = view.text[max(0, at - _ASKING_REACH) : at]
    running = _RUNNING.search(before)
    if running is None or _REPRODUCING.search(view.text[max(0, at - _REPORTING_REACH * 2) : at]):
        return False
    return running.group("word") not in _ENGLISH_RUNNING or asks(text, view, at - len(before) + running.start())


def asks(text: str, view: FoldedText, at: int) -> bool:
    """Whether a clause begins here, or somebody is told to do what follows."""
    start = view.origin[at]
    before = text[max(0, start - _ASKING_REACH) : start]
    bare = before.rstrip(f"{_QUOTES} \t")
    if not bare or (bare[-1] in _CLAUSE_ENDS and (bare[-1] != "\n" or _new_line(text, start, bare))):
        return True
    words = " ".join(re.findall(r"\w+", view.text[max(0, at - _ASKING_REACH) : at]))
    return _ASKING.search(f"{words} ") is not None


def _new_line(text: str, start: int, bare: str) -> bool:
    """A line that was only wrapped goes on in lower case after no full stop."""
    return (
        text[start : start + 1].isupper()
        or bare.rstrip()[-1:] in _CLAUSE_ENDS
        or bare.endswith("\n\n")
        or not bare.strip()
    )


def _negated(view: str, start: int) -> bool:
    found = _NEGATION.search(view[max(0, start - _NEGATION_REACH) : start])
    return found is not None and _INSISTING.search(found.group(0)) is None and " . " not in found.group(0)


def told(text: str, start: int) -> bool:
    """Whether it stands in quotation marks after words that say who says so."""
    before = text[max(0, start - _REPORTING_REACH) : start].rstrip()
    if before[-1:] not in _OPENING_QUOTES:
        return False
    return _REPORTING.search(before.rstrip(_QUOTES).casefold()) is not None


def _in_code(text: str, start: int) -> bool:
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", start)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    before = line[: start - line_start]
    return before.count("`") % 2 == 1 and "`" in line[len(before) :]
