"""Texts of a small made-up language of several scripts, and one model that has learnt it."""

from __future__ import annotations

import random

import pytest

TOPICS = {
    "weather": (["今天", "明天", "周末"], ["北京", "上海", "广州"], ["下雨☔", "晴天", "有雪", "刮大风"]),
    "money": (
        ["Please", "Could you", "Kindly"],
        ["send", "refund", "transfer"],
        ["my money", "the fee", "50 euros 💶"],
    ),
    "sport": (["中国队", "皇马", "Lakers"], ["战胜", "不敌", "vs"], ["日本队", "巴萨", "Bulls 🏀"]),
}


def write(count, seed=0):
    """(text, topic) of `count` texts, most of them distinct."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        topic = chance.choice(list(TOPICS))
        words = [chance.choice(words) for words in TOPICS[topic]]
        found.append((" ".join(words) + chance.choice(["", "!", "。", f" {chance.randint(1, 99)}"]), topic))
    return found


@pytest.fixture(scope="session")
def written():
    return write


@pytest.fixture(scope="session")
def texts():
    return [text for text, _ in write(400)]


@pytest.fixture(scope="session")
def small():
    """Options of a model that learns the language in two seconds; every test file takes the same ones."""
    from curator_plugins.encoders.lstm_clm.pretraining import Options

    return Options(width=48, embedding=24, epochs=6, rate=1e-2, dropout=0.2, rows=16, precision="fp32")


@pytest.fixture(scope="session")
def outcome(texts, small, tmp_path_factory):
    from curator_plugins.encoders.lstm_clm.pretraining import pretrain

    return pretrain(texts, tmp_path_factory.mktemp("models") / "model", small)


@pytest.fixture(scope="session")
def model(outcome):
    return outcome.folder
