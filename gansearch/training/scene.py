"""A scene: one batch as a loss sees it, every tensor computed when first asked for."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gansearch.components import Loss, Player
from gansearch.training.feed import Feed
from gansearch.training.players import Players


class BatchScene:
    """Implements `components.Scene` for one update of one network."""

    def __init__(
        self, players: Players, feed: Feed, size: int, trains: Player, *, handed_down: Tensor | None, for_both: bool
    ) -> None:
        """Set the scene.

        Args:
            players: the networks.
            feed: where real samples come from.
            size: samples of each kind.
            trains: the network that learns.
            handed_down: generated samples of the update before, not yet used by the generator.
            for_both: whether generated samples are handed on to the generator's update.
        """
        self._players, self._feed, self._size = players, feed, size
        self._trains, self._handed_down = trains, handed_down
        self._for_both = for_both

    @cached_property
    def real(self) -> Tensor:
        return self._feed.draw(self._size)

    @cached_property
    def fake(self) -> Tensor:
        if self._handed_down is not None:
            return self._handed_down
        with torch.set_grad_enabled(self._trains == "generator" or self._for_both):
            return self._players.generate(self._players.latents(self._size))

    @cached_property
    def real_scores(self) -> Tensor:
        return self._players.score(self.real)

    @cached_property
    def fake_scores(self) -> Tensor:
        return self._players.score(self.fake if self._trains == "generator" else self.fake.detach())

    @property
    def generator(self) -> nn.Module:
        return self._players.generator.network

    @property
    def discriminator(self) -> nn.Module:
        return self._players.discriminator.network

    def left_over(self) -> Tensor | None:
        """Generated samples that the generator can still learn from."""
        return self.__dict__.get("fake") if self._trains == "discriminator" and self._for_both else None

    @torch.no_grad()
    def discriminator_signals(self, loss: Loss) -> dict[str, Tensor]:
        """What the discriminator's scores tell; only of what the loss has looked at."""
        signals: dict[str, Tensor] = {}
        for kind, of_scores, sign in (("real", loss.of_real, 1), ("fake", loss.of_fake, -1)):
            scores: Tensor | None = self.__dict__.get(f"{kind}_scores")
            if scores is None:
                continue
            scores = scores.detach()
            signals[f"d_loss_{kind}"] = of_scores(scores)
            signals[f"d_logit_{kind}"] = scores.mean()
            if (logits := loss.logits(scores)) is not None:
                signals[f"d_acc_{kind}"] = (sign * logits > 0).float().mean()
                signals[f"dominance_{kind}"] = softplus(-sign * logits).mean()
        return signals
