"""Languages of texts: what `other-language` flags of real texts of one language, and of sentences in others.

    python benchmarks/languages.py ../shared/data

The lines were set by questions (banking77), headlines (thucnews) and the sentences of tests/sentences.py, none by
tweets, reviews and the sentences below, which say the same in 13 languages. Of each set 3,000 texts are taken; the
sentences are judged beside them, a language at a time. Prints what is flagged of both, and seconds for 10,000 texts.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from curator_plugins.checks.languages import _other_language, _packed

from curator.api import Item
from curator.kit.trust.flaws import FLAGGED

SAID = {
    "en": (
        "Where is my order?",
        "The food came cold and late",
        "I would never buy here again",
        "I really like the colour of this jacket",
        "The hotel is close to the beach",
        "I have to change my password",
    ),
    "zh": (
        "我的订单在哪里？",
        "饭菜送来又冷又晚",
        "再也不会在这里买了",
        "我很喜欢这件外套的颜色",
        "酒店离海滩很近",
        "我要改密码",
    ),
    "ja": (
        "注文した品はどこですか",
        "料理は冷めていて遅かった",
        "もう二度とここでは買いません",
        "この上着の色がとても好きです",
        "ホテルは海に近い",
        "パスワードを変えたい",
    ),
    "ko": (
        "제 주문은 어디에 있나요",
        "음식이 차갑고 늦게 왔어요",
        "다시는 여기서 사지 않을 거예요",
        "이 재킷 색이 정말 마음에 들어요",
        "호텔은 해변에서 가깝다",
        "비밀번호를 바꿔야 해요",
    ),
    "es": (
        "¿Dónde está mi pedido?",
        "La comida llegó fría y tarde",
        "No volvería a comprar aquí",
        "Me gusta mucho el color de esta chaqueta",
        "El hotel está cerca de la playa",
        "Necesito cambiar mi contraseña",
    ),
    "it": (
        "Dov'è il mio ordine?",
        "Il cibo è arrivato freddo e in ritardo",
        "Non comprerei mai più qui",
        "Mi piace molto il colore di questa giacca",
        "L'albergo è vicino alla spiaggia",
        "Devo cambiare la mia password",
    ),
    "pt": (
        "Onde está o meu pedido?",
        "A comida chegou fria e atrasada",
        "Nunca mais compraria aqui",
        "Gosto muito da cor deste casaco",
        "O hotel fica perto da praia",
        "Preciso de mudar a minha senha",
    ),
    "nl": (
        "Waar is mijn bestelling?",
        "Het eten kwam koud en te laat aan",
        "Ik zou hier nooit meer iets kopen",
        "Ik vind de kleur van deze jas erg mooi",
        "Het hotel ligt dicht bij het strand",
        "Ik moet mijn wachtwoord wijzigen",
    ),
    "pl": (
        "Gdzie jest moje zamówienie?",
        "Jedzenie przyszło zimne i spóźnione",
        "Nigdy więcej bym tu nie kupił",
        "Bardzo podoba mi się kolor tej kurtki",
        "Hotel jest blisko plaży",
        "Muszę zmienić hasło",
    ),
    "tr": (
        "Siparişim nerede?",
        "Yemek soğuk ve geç geldi",
        "Buradan bir daha asla alışveriş yapmam",
        "Bu ceketin rengini çok seviyorum",
        "Otel plaja yakın",
        "Şifremi değiştirmem gerekiyor",
    ),
    "vi": (
        "Đơn hàng của tôi ở đâu?",
        "Đồ ăn đến trễ và bị nguội",
        "Tôi sẽ không bao giờ mua ở đây nữa",
        "Tôi rất thích màu của chiếc áo này",
        "Khách sạn gần bãi biển",
        "Tôi cần đổi mật khẩu",
    ),
    "sv": (
        "Var är min beställning?",
        "Maten kom kall och för sent",
        "Jag skulle aldrig handla här igen",
        "Jag gillar verkligen färgen på den här jackan",
        "Hotellet ligger nära stranden",
        "Jag behöver byta lösenord",
    ),
    "id": (
        "Di mana pesanan saya?",
        "Makanannya datang terlambat dan dingin",
        "Saya tidak akan pernah membeli di sini lagi",
        "Saya sangat suka warna jaket ini",
        "Hotelnya dekat pantai",
        "Saya perlu mengganti kata sandi",
    ),
}
MANY = 3_000


def flagged(texts: Sequence[str]) -> list[str]:
    """Those that the check flags."""
    items = [Item(number, f"{number}", "text", None, text) for number, text in enumerate(texts)]
    context = SimpleNamespace(signatures=lambda _, some: ((item, _packed(item.text or "")) for item in some))
    return [flaw.item.text or "" for flaw in _other_language(context, items) if flaw.score >= FLAGGED]  # type: ignore[arg-type]


def sets(data: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, language and texts of each."""
    for name, language, file, column in (
        ("questions", "en", "banking77/train.csv", "text"),
        ("tweets", "en", "tweets/train.csv", "text"),
        ("reviews", "zh", "reviews_zh/reviews.csv", "review"),
    ):
        with (data / file).open(encoding="utf-8", newline="") as rows:
            yield name, language, [row[column] for row in csv.DictReader(rows)][:MANY]
    lines = (data / "thucnews/dev.txt").read_text(encoding="utf-8").splitlines()
    yield "headlines", "zh", [line.split("\t")[0] for line in lines][:MANY]


def main() -> None:
    for name, usual, texts in sets(Path(sys.argv[1])):
        begin = time.process_time()
        natural = flagged(texts)
        seconds = (time.process_time() - begin) / len(texts) * 10_000
        print(f"{name}: {len(natural)} of {len(texts)} flagged, as {natural[:3]}; {seconds:.2f} CPU s for 10,000")
        for language, some in SAID.items():
            if language != usual:
                print(f"  {language}: {len({*flagged([*texts, *some])} & {*some})} of {len(some)}", end="")
        print()


if __name__ == "__main__":
    main()
