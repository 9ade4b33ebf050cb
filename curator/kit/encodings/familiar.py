"""The characters that make up most of any text in a script: what tells a right reading of bytes from a wrong one.

A wrong reading shows characters too, but any of thousands, and one in ten of those is among these. Chinese: what is
frequent in general and in reviews and headlines; Korean: frequent syllables; Japanese: kana and
what children learn first; Russian and its kin:
ten letters. Languages in Latin letters are told by those beyond ASCII, which each has few of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["CYRILLIC", "HANGUL", "JAPANESE", "KANA", "LATIN", "SIMPLIFIED", "TRADITIONAL", "Beside", "latin_codec"]

SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
    "种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十"
    "民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯"
    "月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女"
    "变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基"
    "眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今"
    "切院让识候带导争运买图价错快装货京元牛网服考蒙收质盘送评差购超持房喜流股屏欢商单热称华售游满较包推首组值男卡音友"
    "联显功客吧星失幕居款支速挺线布容吃试费选级配爱片精键视器英调啊板适专待存周续效示算怎号苹风招味卖易影赛戏台车复洗"
    "乐球换花亮玩牌火城连低穿读短半型红获拿置拍版料字节递钱增亿标广巴语每致黑投整奶写优希足遭套录涨改刚预般议舒假研证"
    "够查照校户未近亚降坏宝银楼划阿均折态找升杀喝留双孩转贵退店士伤百香呢尼需创宜跌始米简际岁备惠独池鲜朋言虽港测案州"
    "引慢准势软富博龙深绝造季消裤亲底细跟击销荐曝集演办破微摄疑局婚模注彩根码按落离铃千油掉息奇素甜维约习晚频兴索早皮"
    "林圾官源请伊故垃倒衣启福吗修奥谢翻诉极响轻哈宣率排驱普礼骗尚赞罗笔冲弹助技享江警画六环缺护票漂园欧搞块兰营秘震顺"
    "帮竟终举充李亡突蓝择企冠站硬停播佳景阳温黄减午爆申韩久遇操财夫越严谁继仅脑载哥印职烂控智远验省班秀团武讲志酸散航"
    "抢签湖奖干烦密具步角背否历初贝钟除追脆飞批朝颜项封波似随母康青墅箱病谈松牙畅断防列段巧盛益府券究另融余免歌河幅麻"
    "迷幸帅济输令盖育暴份爽丰欲春参沪扬限压核妈材险狂害丽略况属仍惊夏络灵浪闻毒怀移触父抵巨讯救瓶曾损毛拟露薄章剧纯愿"
)

TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得于着下自之年過髮後作裡用道行所然家"
    "種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十"
    "民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯"
    "月話合回特代内信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平係氣題活爾更別打女"
    "變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基"
    "眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告类求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今"
    "切院讓識候帶導爭運買圖價錯快裝貨京元牛網服考蒙收質盘送評差購超持房喜流股屏歡商單熱稱华售游滿較包推首組值男卡音友"
    "聯顯功客吧星失幕居款支速挺線布容吃試費選級配愛片精键視器英調啊板適专待存周續效示算怎號苹风招味賣易影賽戏臺車複洗"
    "樂球換花亮玩牌火城連低穿讀短半型紅獲拿置拍版料字節递錢增億標广巴語每致黑投整奶寫優希足遭套錄漲改剛预般议舒假研證"
    "夠查照校戶未近亚降壞寶銀樓划阿均折態找升殺喝留雙孩轉貴退店士傷百香呢尼需創宜跌始米简际歲備惠獨池鮮朋言雖港測案州"
    "引慢準勢軟富博龍深絕造季消裤親底細跟击销荐曝集演辦破微攝疑局婚模注彩根碼按落離铃千油掉息奇素甜维约習晚频興索早皮"
    "林圾官源請伊故垃倒衣啟福嗎修奥謝翻诉極響輕哈宣率排驱普禮骗尚赞羅笔衝弹助技享江警畫六環缺護票漂園欧搞塊蘭營秘震顺"
    "幫竟終举充李亡突蓝擇企冠站硬停播佳景陽温黃減午爆申韩久遇操财夫越严誰繼僅腦載哥印職烂控智遠驗省班秀團武講志酸散航"
    "搶签湖獎干煩密具步角背否歷初贝鐘除追脆飛批朝颜项封波似隨母康青墅箱病談松牙畅斷防列段巧盛益府券究另融餘免歌河幅麻"
    "迷幸帥濟輸令蓋育暴份爽丰欲春参沪揚限壓核媽材險狂害丽略况属仍驚夏络靈浪闻毒怀移触父抵巨讯救瓶曾損毛擬露薄章劇纯願"
)

HANGUL = frozenset(
    "이다는에의가을하고를로한은지도사어리기서나그자시인아들만라대니있정수것안일게해부보과주스전상제여오면장했구원관진"
    "우습네요세저무았었경신소공동조성발생모마중트거와으연문방운국내적위유비차화실회학계심재양명식통업행반불개미치용당"
    "선두출금단교각분남더때러려된될할함합없많좋않같물날점집음말길배송품질너매건격싸맛친절빠르른늦입닌까터워웠느껴"
)

KANA = frozenset(map(chr, [*range(0x3041, 0x3097), *range(0x30A1, 0x30FB), 0x30FC]))

JAPANESE = KANA | frozenset(
    "日一人年大十二本中長出三時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電"
    "校語土木聞食車何南万毎白天母火右読友左休父雨国会事社員用品質問題便利安部屋店画面新手思自者場地方内同力家代作動通私"
)

CYRILLIC = frozenset("оеаинтсрвлОЕАИНТСРВЛ")

_WESTERN = {
    "English": "’“”é–‘—…è",
    "French": "éàèêç’ôîâûùïœë",
    "German": "üäöß",
    "Spanish": "óíáéñúü¿¡",
    "Portuguese": "ãçáéõíêóâúàô",
    "Italian": "àèùòìé’",
    "Dutch": "ëéïèö",
    "Swedish": "äöåé",
    "Danish": "øåæé",
    "Icelandic": "áíðéóþöúæý",
    "Catalan": "àéóèíòçúï",
}
_CENTRAL = {
    "Polish": "łęóążśćńź",
    "Czech": "íáěéčřžýšůúďťň",
    "Slovak": "áíéčýžšúťľôňďäó",
    "Hungarian": "áéóöőíüúű",
    "Romanian": "ăîţşâ",
    "Croatian": "čšžćđ",
    "German": "üäöß",
}
_TURKISH = {"Turkish": "ışüğçöİâ"}

LATIN: Mapping[str, Mapping[str, str]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": {"Latvian": "āīēšņļžģķčū", "Lithuanian": "ėųšžįūčąę", "Estonian": "äõüöšž"},
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
    "iso8859_2": _CENTRAL,
    "cp852": _CENTRAL,
}
"""Of each codec for Latin letters, the languages that were written in it, each with its letters beyond ASCII, the more
frequent ones first."""

_MARKS = frozenset("’‘“”„–—…«»°€£§·•©®™\xa0")
"""What is found between the words of any language."""
_MARK, _CAPITAL, _STRANGE = 0.02, 0.1, 1e-4
"""How frequent such a mark is, a capital beside its small letter, and what is in no such text."""

ENOUGH_LATIN = 6
"""Characters beyond ASCII that tell a language, at least."""
LEAST_LIKELY = 0.02
"""The mean share of a language's characters that a text in it has: an eighth of what natural ones have."""
BY_FAR = math.log(1000)
"""So much likelier than any other reading that gives other characters."""


class Beside(NamedTuple):
    """A byte beyond ASCII, as it stands beside others: after a small letter of ASCII; in a word."""

    byte: int
    after_small: bool
    in_word: bool


def latin_codec(counts: Mapping[Beside, int]) -> str | None:
    """The codec for Latin letters that bytes beyond ASCII show, by how often there are such. None where they are too
    few, are in no language, or in several readings' nearly as well.
    """
    total = sum(counts.values())
    if total < ENOUGH_LATIN:
        return None
    found = []
    for codec, languages in LATIN.items():
        reading = "".join(bytes([beside.byte]).decode(codec, "replace") for beside in counts)
        for letters in languages.values():
            shares = (_share(character, letters, beside) for character, beside in zip(reading, counts, strict=True))
            likely = sum(count * math.log(share) for count, share in zip(counts.values(), shares, strict=True))
            found.append((likely, codec, reading))
    best, codec, reading = max(found, key=lambda reading: reading[0])  # of several that say the same, the first
    others = max((likely for likely, _, other in found if other != reading), default=-math.inf)
    return codec if best / total > math.log(LEAST_LIKELY) and best - others > BY_FAR else None


def _share(character: str, letters: str, beside: Beside) -> float:
    """How frequent a character is among those beyond ASCII of a language. No capital follows a small letter, and of the
    marks only an apostrophe stands in a word."""
    if beside.in_word and not character.isalpha() and character != "’":
        return _STRANGE
    if character in letters:
        return 1 / (2 + letters.index(character))
    if character in _MARKS:
        return _MARK
    if character.lower() in letters and not beside.after_small:
        return _CAPITAL / (2 + letters.index(character.lower()))
    return _STRANGE
