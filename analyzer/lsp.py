"""``kernel lsp``: the language service over the Language Server Protocol, on standard input.

A thin adapter: positions, items and edits in the words of the protocol, and when findings are told.
It needs the package pygls, which is why only the command imports it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.uris import from_fs_path, to_fs_path

from analyzer.editor.actions import actions_for
from analyzer.editor.completion import complete
from analyzer.editor.cursor.items import Item, ItemKind
from analyzer.editor.cursor.nameable import warm
from analyzer.editor.cursor.text import Area, Position, Text
from analyzer.editor.navigation import definition, hover, references
from analyzer.editor.renaming import RenameRefused, renamable, rename
from analyzer.editor.workspace import Workspace
from analyzer.findings.catalogue import codes
from analyzer.findings.finding import Finding
from analyzer.findings.pages import url
from kernel.errors import Span
from kernel.version import VERSION

PAUSE_SECONDS: Final = 0.01
"""Seconds without a change before the search for findings begins."""

REST_SECONDS: Final = 1.5
"""Seconds without a change before a search that takes over no findings."""

SLICE_SECONDS: Final = 0.01
"""Seconds for which the search may keep requests of the editor waiting."""

_REQUEST_FAILED: Final = -32803
_SEVERITY: Final = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
}
_ITEM: Final[dict[ItemKind, lsp.CompletionItemKind]] = {
    "field": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.EnumMember,
    "kind": lsp.CompletionItemKind.Class,
    "resource": lsp.CompletionItemKind.Reference,
    "variable": lsp.CompletionItemKind.Variable,
    "step": lsp.CompletionItemKind.Variable,
    "member": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
}
_UNNECESSARY: Final = codes("unreachable", "unused")
_WATCHED: Final = ("**/*.yaml", "**/*.yml", "**/pyproject.toml", "**/kernel.toml")


class Protocol(LanguageServerProtocol):
    """The protocol, with an error as the answer to a malformed request."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message in ``data``; the sender of a malformed request gets an error."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


class Server(LanguageServer):
    """The server of one editor: its open texts, and their findings."""

    def __init__(self) -> None:
        super().__init__("kernel", VERSION, protocol_cls=Protocol)
        self.manifests = Workspace()
        self.published: dict[str, tuple[int | None, tuple[Finding, ...]]] = {}
        self.searches: dict[str, asyncio.Task[None]] = {}
        self.uris: dict[str, str] = {}
        self.was_shut_down = False

    # Places

    def text(self, path: str) -> Text:
        """The text of a file, with its lines."""
        encoding: Any = self.workspace.position_encoding  # named alike in the protocol and here
        return Text(self.manifests.source(path), encoding)

    def place(self, params: Any) -> tuple[str, int]:
        """The path and the offset that a question is about."""
        path = _path(params.text_document.uri)
        position = Position(params.position.line, params.position.character)
        return path, self.text(path).offset(position)

    def uri(self, path: str) -> str:
        """The URI of a file, as the editor wrote it when it opened the file."""
        if path in self.uris:
            return self.uris[path]
        if not os.path.isabs(path) and ":" in path:
            return path
        return from_fs_path(os.path.abspath(path)) or path

    def range_of(self, span: Span) -> lsp.Range:
        """A span in the words of the protocol."""
        return _range(self.text(span.file).area_of(span))

    def location(self, span: Span) -> lsp.Location:
        """A span as a place that an editor can go to."""
        return lsp.Location(self.uri(span.file), self.range_of(span))

    def edits(self, changes: Iterable[tuple[Span, str]]) -> lsp.WorkspaceEdit:
        """The edits that replace spans of any files by texts."""
        made: dict[str, list[lsp.TextEdit]] = {}
        for span, new in changes:
            edit = lsp.TextEdit(self.range_of(span), new)
            made.setdefault(self.uri(span.file), []).append(edit)
        return lsp.WorkspaceEdit(changes=made)

    # Findings

    def changed(self, path: str) -> None:
        """Search soon for the findings in all files that may depend on a file."""
        for one in self.manifests.one_per_manifest(self.manifests.affected(path)):
            key = os.path.dirname(one)
            if (before := self.searches.pop(key, None)) is not None:
                before.cancel()
            self.searches[key] = asyncio.create_task(self._search(one))

    async def _search(self, path: str) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await self._publish_all(path, afresh=False)
        await asyncio.sleep(REST_SECONDS)
        await self._publish_all(path, afresh=True)

    async def _publish_all(self, path: str, *, afresh: bool) -> None:
        began = time.monotonic()
        for found in self.manifests.diagnosing(path, afresh=afresh):
            if found is not None:
                for file, findings in found.items():
                    self._publish(file, findings)
            elif time.monotonic() - began > SLICE_SECONDS:
                await asyncio.sleep(0)
                began = time.monotonic()

    def _publish(self, path: str, findings: tuple[Finding, ...]) -> None:
        uri = self.uri(path)
        document = self.workspace.text_documents.get(uri)
        version = None if document is None else document.version
        if document is not None and document.source != self.manifests.texts.get(path):
            return  # it has changed meanwhile: its change is about to begin another search
        if self.published.get(path) == (version, findings):
            return
        self.published[path] = version, findings
        text = self.text(path)
        told = [self.diagnostic(text, one) for one in findings]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, told, version))

    def diagnostic(self, text: Text, finding: Finding) -> lsp.Diagnostic:
        """A finding in the words of the protocol."""
        span = finding.span
        area = text.area(0, 0) if span is None else text.area_of(span)
        help = f" ({finding.help})" if finding.help else ""
        related = [
            lsp.DiagnosticRelatedInformation(self.location(one.span), one.message)
            for one in finding.related
        ]
        return lsp.Diagnostic(
            _range(area),
            f"{finding.message}{help}",
            severity=_SEVERITY[finding.weight],
            code=finding.code,
            code_description=lsp.CodeDescription(url(finding.code)),
            source="kernel",
            related_information=related or None,
            tags=[lsp.DiagnosticTag.Unnecessary] if finding.code in _UNNECESSARY else None,
        )

    def close(self, path: str) -> None:
        """Take back the findings in a text that was closed."""
        others = [one for one in self.manifests.affected(path) if one != path]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(self.uri(path), []))
        self.manifests.close(path)
        for known in (self.published, self.uris):
            known.pop(path, None)
        for one in others:
            self.changed(one)


def serve() -> int:
    """Answer an editor until it goes; gives the exit status of the protocol."""
    server = Server()
    for answer in (_life, _texts, _answers, _changes):
        answer(server)
    # What is made for an answer is dropped after it; to collect in between keeps people waiting.
    gc.set_threshold(200_000, 20, 50)
    server.start_io()
    return 0 if server.was_shut_down else 1


# Life --------------------------------------------------------------------------------------------


def _life(server: Server) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        if params.process_id is not None and os.name == "posix" and _lives(params.process_id):
            threading.Thread(target=_leave_with, args=(params.process_id,), daemon=True).start()

    @server.feature(lsp.INITIALIZED)
    async def initialized(params: lsp.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watched = None if workspace is None else workspace.did_change_watched_files
        if watched is not None and watched.dynamic_registration:
            patterns = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(patterns)
            method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = lsp.Registration("kernel-files", method, options)
            await server.client_register_capability_async(lsp.RegistrationParams([registration]))
        for _ in warm():
            await asyncio.sleep(0)

    @server.feature(lsp.SHUTDOWN)
    def shut_down(params: None) -> None:
        server.was_shut_down = True
        for task in server.searches.values():
            task.cancel()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _leave_with(process: int) -> None:
    """End this process when the editor's has ended."""
    while _lives(process):
        time.sleep(1)
    os._exit(1)


# Texts -------------------------------------------------------------------------------------------


def _texts(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        server.uris[path] = params.text_document.uri
        server.manifests.put(path, params.text_document.text)
        server.changed(path)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        document = server.workspace.get_text_document(params.text_document.uri)
        server.manifests.put(path, document.source)
        server.changed(path)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        server.manifests.forget(path)
        server.changed(path)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        server.close(_path(params.text_document.uri))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def files_changed(params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            path = _path(change.uri)
            if path.endswith(".toml"):
                for one in list(server.manifests.texts):
                    server.changed(one)
            elif path not in server.manifests.texts:
                server.manifests.forget(path)
                server.changed(path)


# Answers -----------------------------------------------------------------------------------------


def _answers(server: Server) -> None:
    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", " ", "{", "'", "("]),
    )
    def completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        path, offset = server.place(params)
        proposals = complete(server.manifests, path, offset)
        area = _range(server.text(path).area(proposals.start, proposals.end))
        items = [_item(one, number, area) for number, one in enumerate(proposals.items)]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hovered(params: lsp.HoverParams) -> lsp.Hover | None:
        path, offset = server.place(params)
        shown = hover(server.manifests, path, offset)
        if shown is None:
            return None
        content = lsp.MarkupContent(lsp.MarkupKind.Markdown, shown.text)
        return lsp.Hover(content, _range(server.text(path).area(shown.start, shown.end)))

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def declared(params: lsp.DefinitionParams) -> lsp.Location | None:
        span = definition(server.manifests, *server.place(params))
        return None if span is None else server.location(span)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def named(params: lsp.ReferenceParams) -> list[lsp.Location]:
        declaration = params.context.include_declaration
        found = references(server.manifests, *server.place(params), declaration=declaration)
        return [server.location(span) for span in found]


def _item(item: Item, number: int, area: lsp.Range) -> lsp.CompletionItem:
    said = item.documentation
    return lsp.CompletionItem(
        item.label,
        kind=_ITEM[item.kind],
        detail=item.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, said) if said else None,
        sort_text=f"{number:05}",
        filter_text=item.label,
        text_edit=lsp.TextEdit(area, item.insert),
    )


# Changes -----------------------------------------------------------------------------------------


def _changes(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def may_rename(params: lsp.PrepareRenameParams) -> lsp.Range:
        try:
            return server.range_of(renamable(server.manifests, *server.place(params)))
        except RenameRefused as error:
            raise JsonRpcException(str(error), _REQUEST_FAILED) from None

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def renamed(params: lsp.RenameParams) -> lsp.WorkspaceEdit:
        try:
            changes = rename(server.manifests, *server.place(params), params.new_name)
        except RenameRefused as error:
            raise JsonRpcException(str(error), _REQUEST_FAILED) from None
        return server.edits((one.span, one.text) for one in changes)

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        wanted = params.context.only
        if wanted and not any(one in ("", lsp.CodeActionKind.QuickFix) for one in wanted):
            return []
        path = _path(params.text_document.uri)
        text = server.text(path)
        near = [
            finding
            for finding in server.published.get(path, (None, ()))[1]
            if finding.span is not None
            and (area := _range(text.area_of(finding.span))).start <= params.range.end
            and params.range.start <= area.end
        ]
        return [
            lsp.CodeAction(
                one.title,
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[server.diagnostic(text, one.finding)],
                is_preferred=one.preferred or None,
                edit=server.edits([(one.span, one.text)]),
            )
            for one in actions_for(server.manifests, path, near)
        ]


# Words of the protocol ---------------------------------------------------------------------------


def _path(uri: str) -> str:
    """The path of a file; a text that is in no file is known by its URI."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return uri if path is None else os.path.normpath(path)


def _range(area: Area) -> lsp.Range:
    return lsp.Range(lsp.Position(*area.start), lsp.Position(*area.end))
