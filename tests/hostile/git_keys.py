"""Every configuration key of git, by what its value can make git do.

Problem: a trap for each key that somebody remembered proves nothing about the next key. Choice: all documented keys up to
`REVIEWED` stand here by name or by a pattern of harmless ones, and the traps are made from this table. Invariant: what names
a program has a trap; a key that fits nothing here is an error for the gits that were reviewed.
"""

import fnmatch
from collections.abc import Iterable

REVIEWED = (2, 55)
"""The newest version of git whose documentation was read for this table."""

PROGRAMS = (
    "alias.*",
    "alias.*.command",
    "browser.<tool>.cmd",
    "browser.<tool>.path",
    "core.alternateRefsCommand",
    "core.askPass",
    "core.editor",
    "core.fsmonitor",
    "core.gitProxy",
    "core.hooksPath",
    "core.pager",
    "core.sshCommand",
    "credential.<url>.*",
    "credential.helper",
    "diff.<driver>.command",
    "diff.<driver>.textconv",
    "diff.external",
    "difftool.<tool>.cmd",
    "difftool.<tool>.path",
    "filter.<driver>.clean",
    "filter.<driver>.process",
    "filter.<driver>.smudge",
    "gc.recentObjectsHook",
    "gpg.<format>.program",
    "gpg.program",
    "gpg.ssh.defaultKeyCommand",
    "guitool.<name>.cmd",
    "hook.<friendly-name>.command",
    "imap.tunnel",
    "instaweb.browser",
    "instaweb.httpd",
    "interactive.diffFilter",
    "man.<tool>.cmd",
    "man.<tool>.path",
    "merge.<driver>.driver",
    "mergetool.<tool>.cmd",
    "mergetool.<tool>.path",
    "pager.<cmd>",
    "remote.<name>.receivepack",
    "remote.<name>.uploadpack",
    "remote.<name>.vcs",
    "sendemail.ccCmd",
    "sendemail.headerCmd",
    "sendemail.smtpServer",
    "sendemail.tocmd",
    "sequence.editor",
    "submodule.<name>.update",
    "tar.<format>.command",
    "trailer.<key-alias>.cmd",
    "trailer.<key-alias>.command",
    "uploadpack.packObjectsHook",
    "web.browser",
)
"""The value is a command, or a directory of commands."""

PATHS = (
    "attr.tree",
    "blame.ignoreRevsFile",
    "commit.template",
    "core.attributesFile",
    "core.excludesFile",
    "core.worktree",
    "diff.orderFile",
    "fetch.fsck.skipList",
    "format.outputDirectory",
    "format.signatureFile",
    "fsck.skipList",
    "fsmonitor.socketDir",
    "gc.repackFilterTo",
    "gitcvs.dbName",
    "gitcvs.logFile",
    "gpg.ssh.allowedSignersFile",
    "gpg.ssh.revocationFile",
    "gui.spellingDictionary",
    "help.htmlPath",
    "http.cookieFile",
    "http.proxySSLCAInfo",
    "http.proxySSLCert",
    "http.proxySSLKey",
    "http.sslCAInfo",
    "http.sslCAPath",
    "http.sslCert",
    "http.sslKey",
    "include.path",
    "includeIf.<condition>.path",
    "init.templateDir",
    "instaweb.modulePath",
    "mailmap.blob",
    "mailmap.file",
    "receive.fsck.skipList",
    "sendemail.aliasesFile",
    "sendemail.mailmap.blob",
    "sendemail.mailmap.file",
    "sendemail.smtpsslcertpath",
    "sendemail.smtpSSLClientCert",
    "sendemail.smtpSSLClientKey",
    "submodule.<name>.gitdir",
    "trace2.eventTarget",
    "trace2.normalTarget",
    "trace2.perfTarget",
    "user.signingKey",
)
"""The value is a file, a directory or an object that is then read or written."""

ADDRESSES = (
    "branch.<name>.pushRemote",
    "branch.<name>.remote",
    "bundle.<id>.*",
    "bundle.<id>.uri",
    "fetch.bundleURI",
    "http.<url>.*",
    "http.curloptResolve",
    "http.proxy",
    "imap.host",
    "promisor.acceptFromServerUrl",
    "remote.<name>.proxy",
    "remote.<name>.pushurl",
    "remote.<name>.url",
    "remote.pushDefault",
    "sendemail.smtpServerPort",
    "submodule.<name>.url",
    "url.<base>.insteadOf",
    "url.<base>.pushInsteadOf",
)
"""The value says where something connects to."""

SWITCHES = (
    "bundle.*",
    "commit.gpgSign",
    "core.bare",
    "core.createObject",
    "core.fsmonitorHookVersion",
    "core.sharedRepository",
    "core.sparseCheckout",
    "core.sparseCheckoutCone",
    "core.splitIndex",
    "core.symlinks",
    "core.untrackedCache",
    "core.useReplaceRefs",
    "credential.interactive",
    "credential.useHttpPath",
    "diff.<driver>.cachetextconv",
    "diff.guitool",
    "diff.tool",
    "extensions.*",
    "extensions.objectFormat",
    "extensions.worktreeConfig",
    "gpg.format",
    "hook.<event>.enabled",
    "hook.<event>.jobs",
    "hook.<friendly-name>.enabled",
    "hook.<friendly-name>.event",
    "hook.<friendly-name>.parallel",
    "hook.jobs",
    "log.showSignature",
    "man.viewer",
    "merge.guitool",
    "merge.tool",
    "merge.verifySignatures",
    "promisor.*",
    "protocol.*",
    "push.gpgSign",
    "receive.denyCurrentBranch",
    "receive.hideRefs",
    "receive.procReceiveRefs",
    "receive.updateServerInfo",
    "remote.<name>.partialclonefilter",
    "remote.<name>.promisor",
    "safe.*",
    "sendemail.<identity>.*",
    "sendemail.<identity>.<config>",
    "ssh.variant",
    "submodule.recurse",
    "tag.gpgSign",
    "transfer.advertiseSID",
    "transfer.bundleURI",
    "transfer.hideRefs",
    "uploadpack.hideRefs",
)
"""Harmless alone: they bring one of the others to life, or change what a repository seems to hold."""

INERT = (
    *("add.*", "advice.*", "am.*", "apply.*", "author.*", "bitmappseudomerge.*", "blame.*", "branch.*", "bundle.mode"),
    *("bundle.version", "bundle.heuristic", "checkout.*", "clean.*", "clone.*", "color.*", "column.*", "commit.cleanup"),
    *("commit.status", "commit.verbose", "commitgraph.*", "committer.*", "completion.*"),
    *("core.abbrev", "core.alternaterefsprefixes", "core.autocrlf", "core.bigfilethreshold", "core.check*"),
    *("core.comment*", "core.commitgraph", "core.compression", "core.configlocktimeout", "core.delta*", "core.eol"),
    *("core.filemode", "core.filesreflocktimeout", "core.fsync*", "core.hidedotfiles", "core.ignore*", "core.lockfilepid"),
    *("core.logallrefupdates", "core.loosecompression", "core.maxtreedepth", "core.multipackindex", "core.notesref"),
    *("core.packed*", "core.precomposeunicode", "core.prefersymlinkrefs", "core.preloadindex", "core.protect*"),
    *("core.quotepath", "core.repositoryformatversion", "core.restrictinheritedhandles", "core.safecrlf"),
    *("core.trustctime", "core.unsetenvvars", "core.warnambiguousrefs", "core.whitespace"),
    *("credential.protectprotocol", "credential.sanitizeprompt", "credential.username", "credentialcache.*"),
    *("credentialstore.*", "diff.<driver>.binary", "diff.<driver>.trustexitcode", "diff.<driver>.wordregex"),
    *("diff.<driver>.xfuncname", "diff.algorithm", "diff.autorefreshindex", "diff.colormoved*", "diff.context"),
    *("diff.dirstat", "diff.dstprefix", "diff.ignoresubmodules", "diff.indentheuristic", "diff.interhunkcontext"),
    *("diff.mnemonicprefix", "diff.noprefix", "diff.relative", "diff.rename*", "diff.srcprefix", "diff.stat*"),
    *("diff.submodule", "diff.suppressblankempty", "diff.trustexitcode", "diff.wordregex", "diff.wserrorhighlight"),
    *("difftool.guidefault", "difftool.prompt", "difftool.trustexitcode", "fastimport.*", "feature.*", "fetch.*"),
    *("filter.<driver>.required", "format.*", "fsck.*", "fsmonitor.allowremote", "gc.*", "gitcvs.*", "gitweb.*"),
    *("gpg.mintrustlevel", "grep.*", "gui.*", "guitool.<name>.*", "help.autocorrect", "help.browser", "help.format"),
    *("http.*", "i18n.*", "imap.*", "index.*", "init.*", "instaweb.local", "instaweb.port", "interactive.singlekey"),
    *("log.*", "lsrefs.*", "mailinfo.*", "maintenance.*", "merge.*", "mergetool.*", "notes.*", "pack.*", "pretty.*"),
    *("pull.*", "push.*", "rebase.*", "receive.*", "reftable.*", "remote.*", "remotes.*", "repack.*", "replay.*"),
    *("rerere.*", "revert.*", "sendemail.*", "showbranch.*", "sideband.*", "sparse.*", "splitindex.*", "stash.*"),
    *("status.*", "submodule.*", "tag.*", "tar.umask", "trace2.*", "trailer.*", "transfer.*", "uploadarchive.*"),
    *("uploadpack.*", "uploadpackfilter.*", "user.*", "versionsort.*", "worktree.*"),
)
"""Patterns of keys whose values are numbers, words, colours or names that nothing is done with."""

_NAMED = {key.lower() for group in (PROGRAMS, PATHS, ADDRESSES, SWITCHES) for key in group}


def unclassified(documented: Iterable[str]) -> list[str]:
    """Return the keys that nobody has looked at."""
    return sorted(key for key in documented if not _is_named(key.lower()) and not _is_inert(key.lower()))


def _is_named(key: str) -> bool:
    return any(key == named or (named.endswith(".*") and key.startswith(named[:-1])) for named in _NAMED)


def _is_inert(key: str) -> bool:
    # The brackets of placeholders mean nothing to fnmatch; only its square ones would.
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in INERT)
