"""Language tags of sound tracks: ISO 639 codes are kept, any other text in their place is dropped."""

from __future__ import annotations

_NONE = ("", "und", "mis", "mul", "zxx")
"""Tags that mean no language, or an unspecified one."""
_LONG = """
    aar abk ace ach ada ady afa afh afr ain aka akk alb ale alg alt amh ang anp apa ara arc arg arm arn arp art arw
    asm ast ath aus ava ave awa aym aze bad bai bak bal bam ban baq bas bat bej bel bem ben ber bho bih bik bin bis
    bla bnt bod bos bra bre btk bua bug bul bur byn cad cai car cat cau ceb cel ces cha chb che chg chi chk chm chn
    cho chp chr chu chv chy cmc cnr cop cor cos cpe cpf cpp cre crh crp csb cus cym cze dak dan dar day del den deu
    dgr din div doi dra dsb dua dum dut dyu dzo efi egy eka ell elx eng enm epo est eus ewe ewo fan fao fas fat fij
    fil fin fiu fon fra fre frm fro frr frs fry ful fur gaa gay gba gem geo ger gez gil gla gle glg glv gmh goh gon
    gor got grb grc gre grn gsw guj gwi hai hat hau haw heb her hil him hin hit hmn hmo hrv hsb hun hup hye iba ibo
    ice ido iii ijo iku ile ilo ina inc ind ine inh ipk ira iro isl ita jav jbo jpn jpr jrb kaa kab kac kal kam kan
    kar kas kat kau kaw kaz kbd kha khi khm kho kik kin kir kmb kok kom kon kor kos kpe krc krl kro kru kua kum kur
    kut lad lah lam lao lat lav lez lim lin lit lol loz ltz lua lub lug lui lun luo lus mac mad mag mah mai mak mal
    man mao map mar mas may mdf mdr men mga mic min mkd mkh mlg mlt mnc mni mno moh mon mos mri msa mun mus mwl mwr
    mya myn myv nah nai nap nau nav nbl nde ndo nds nep new nia nic niu nld nno nob nog non nor nqo nso nub nwc nya
    nym nyn nyo nzi oci oji ori orm osa oss ota oto paa pag pal pam pan pap pau peo per phi phn pli pol pon por pra
    pro pus que raj rap rar roa roh rom ron rum run rup rus sad sag sah sai sal sam san sas sat scn sco sel sem sga
    sgn shn sid sin sio sit sla slk slo slv sma sme smi smj smn smo sms sna snd snk sog som son sot spa sqi srd srn
    srp srr ssa ssw suk sun sus sux swa swe syc syr tah tai tam tat tel tem ter tet tgk tgl tha tib tig tir tiv tkl
    tlh tli tmh tog ton tpi tsi tsn tso tuk tum tup tur tut tvl twi tyv udm uga uig ukr umb urd uzb vai ven vie vol
    vot wak wal war was wel wen wln wol xal xho yao yap yid yor ypk zap zbl zen zgh zha zho znd zul zun zza
"""
"""ISO 639-2 codes, both where there are two."""
_PAIRS = """
    aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbih bibis bmbam
    bnben bobod brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe
    elell eneng eoepo esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj
    gvglv hahau heheb hihin hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl
    itita iuiku jajpn jvjav kakat kgkon kikik kjkua kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor
    kykir lalat lbltz lglug lilim lnlin lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa
    mtmlt mymya nanau nbnob ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs
    papan pipli plpol pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd sesme sgsag sisin skslk
    slslv smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir tktuk tltgl
    tntsn toton trtur tstso tttat twtwi tytah uguig ukukr ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid
    yoyor zazha zhzho zuzul
"""
"""ISO 639-1 codes, each followed by the ISO 639-2 code of the same language."""
_TWICE = """
    albsqi armhye baqeus burmya chizho czeces dutnld frefra geokat gerdeu greell iceisl macmkd maomri maymsa perfas
    rumron sloslk tibbod welcym
"""
"""The 20 languages with two codes in ISO 639-2: bibliographic, then terminological."""
_MACINTOSH = """
    eng fra ger ita dut sve spa dan por nor heb jpn ara fin gre ice mlt tur chi urd hin tha kor lit pol hun est lav
    rus alb ron ces slk slv yid mac bul ukr bel uzb kaz aze arm geo mol kir tgk tuk mon pus kur kas snd tib nep san
    mar ben asm guj ori mal kan tam tel bur khm lao vie ind tgl may amh tir orm som swa run mlg epo wel baq cat lat
    que grn aym tat uig dzo jav
"""
"""FFmpeg's codes for the languages that QuickTime has numbers for."""
_CODES = frozenset(_LONG.split())
_OF_BOOKS = {pair[3:]: pair[:3] for pair in _TWICE.split()}
_OF_TERMS = {book: term for term, book in _OF_BOOKS.items()}
_SHORT = {pair[:2]: pair[2:] for pair in _PAIRS.split()}


def language_code(tag: str) -> str:
    """The terminological ISO 639-2 code of the language that `tag` names; empty if it names none.

    >>> language_code("de-CH"), language_code("fre"), language_code("Tante Erna")
    ('deu', 'fra', '')
    """
    code = tag.strip("\0 ").lower().replace("_", "-").split("-")[0]
    code = _SHORT.get(code, code)
    return _OF_TERMS.get(code, code) if code in _CODES else ""


def written_code(code: str, container: str) -> str:
    """The language tag for `code` (from `language_code`) in `container`; empty if it has none."""
    books = _OF_BOOKS.get(code, code)
    if container in ("mkv", "webm"):
        return books
    if container == "mov":
        known = _MACINTOSH.split()
        return code if code in known else books if books in known else ""
    return code


def is_strange(tag: str) -> bool:
    """Whether `tag` is neither a language code nor a tag for no language."""
    return tag.strip("\0 ").lower() not in _NONE and not language_code(tag)
