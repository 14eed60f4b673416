"""Grammars over tokens: what a grammar lets the sampler draw next, and the same masks again for given ids.

Grammars are EBNF as xgrammar reads it (https://xgrammar.mlc.ai), their root rule is `root`. A trainer takes
`TokenGrammar.token_masks` of a sample to compute its likelihood under the very masks that it was drawn under.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import xgrammar

from autoflow.llm.local.chat import ChatTokenizer

_BITS = 32


class TokenGrammar:
    """A grammar compiled for one tokenizer. Safe between threads."""

    def __init__(self, compiled: xgrammar.CompiledGrammar, vocabulary: int) -> None:
        self._compiled = compiled
        self._vocabulary = vocabulary

    def matcher(self) -> xgrammar.GrammarMatcher:
        """A new matcher, which stands before the first token."""
        return xgrammar.GrammarMatcher(self._compiled)

    def token_masks(self, token_ids: Sequence[int]) -> torch.Tensor:
        """The masks that the sampler applied when it drew these ids.

        Args:
            token_ids: a completion, T ids, with the end token if it was drawn.

        Returns:
            Booleans [T, V]; row t says which tokens the grammar allows after the first t ids.

        Raises:
            ValueError: the grammar does not allow these ids.
        """
        matcher = self.matcher()
        bits = xgrammar.allocate_token_bitmask(len(token_ids), self._vocabulary)
        for position, token in enumerate(token_ids):
            if matcher.is_terminated():
                raise ValueError(f"the grammar has ended before id {position}")
            matcher.fill_next_token_bitmask(bits, position)
            if not matcher.accept_token(token):
                raise ValueError(f"the grammar does not allow id {token} at position {position}")
        return unpack(bits, self._vocabulary)


class Grammars:
    """Compiles grammars for one tokenizer, and keeps what it compiled. Safe between threads.

    Args:
        tokenizer: whose tokens the grammars are about.
        cache_mib: most memory for compiled grammars, in MiB.
        threads: threads that compile one grammar.
    """

    def __init__(self, tokenizer: ChatTokenizer, *, cache_mib: int = 64, threads: int = 1) -> None:
        self._vocabulary = tokenizer.vocabulary
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer.tokenizer,
            vocab_size=tokenizer.vocabulary,
            stop_token_ids=sorted(tokenizer.stop_ids),
        )
        self._compiler = xgrammar.GrammarCompiler(
            info, max_threads=threads, cache_limit_bytes=cache_mib * 2**20
        )

    def compile(self, text: str) -> TokenGrammar:
        """Compiles a grammar, or finds it compiled. May take seconds for a large grammar and vocabulary.

        Args:
            text: EBNF with a rule `root`.

        Raises:
            ValueError: the text is no grammar.
        """
        try:
            compiled = self._compiler.compile_grammar(text)
        except RuntimeError as error:
            raise ValueError(f"the grammar does not compile: {error}") from error
        return TokenGrammar(compiled, self._vocabulary)


def unpack(bits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Turns xgrammar's masks, [T, V / 32] words of 32 bits, into booleans [T, V]."""
    each = torch.arange(_BITS, dtype=torch.int32, device=bits.device)
    return ((bits.unsqueeze(-1) >> each) & 1).bool().flatten(1)[:, :vocabulary]
