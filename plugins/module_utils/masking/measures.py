# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Masks that make a value coarser or blur it: dates, ages, numbers and places.

A mask is a function of one value (decoded by bson) and `draw` (see programs.py); it raises Unexpected.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.identifiers import Opener, bits, like
from ansible_collections.stagesync.aws.plugins.module_utils.masking.programs import Unexpected

UNITS = ("year", "month", "day")

_DAY = 86_400_000  # milliseconds
# No date library follows beyond (ECMA-262, time values).
_LAST_DATE = 8_640_000_000_000_000
_ISO_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:([T ])([0-9:.,]{5,18})( ?(?:[Zz]|[+-][0-9]{2}:?[0-9]{0,2})?))?"
)
_EARTH = 6_371_008.8  # metres, mean radius (IUGG)
_LATITUDES = ("lat", "latitude")
_LONGITUDES = ("lng", "lon", "long", "longitude")
_EXACT = decimal.Context(prec=60, Emin=-7000, Emax=7000)


# -- dates


def _days_from(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar, for any year (H. Hinnant, days_from_civil)."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def _date_from(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01 (H. Hinnant, civil_from_days)."""
    era, of_era = divmod(days + 719468, 146097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def _coarser_date(value: Any, coarser: Callable[[int, int, int], tuple[int, int, int]]) -> Any:
    """A date, or text YYYY-MM-DD with or without a time, moved to the first moment of a longer unit."""
    if isinstance(value, str):
        found = _ISO_DATE.fullmatch(value)
        year, month, day = (int(part) for part in found.groups()[:3]) if found else (0, 0, 0)
        # 31 February is another day when it is counted from 1970 and back.
        if not 1 <= month <= 12 or _date_from(_days_from(year, month, day)) != (year, month, day):
            raise Unexpected
        year, month, day = coarser(year, month, day)
        separator, time, zone = found.groups("")[3:]
        return f"{year:04d}-{month:02d}-{day:02d}{separator}{re.sub('[0-9]', '0', time)}{zone}"
    milliseconds = int(value)
    if abs(milliseconds) > _LAST_DATE:
        raise Unexpected
    return type(value)(_days_from(*coarser(*_date_from(milliseconds // _DAY))) * _DAY)


def date_truncate(unit: str) -> Callable[[Any, Opener], Any]:
    """The first day of the year or the month, or midnight (UTC) of the day."""
    keep = UNITS.index(unit) + 1

    def coarser(year: int, month: int, day: int) -> tuple[int, int, int]:
        return year, month if keep > 1 else 1, day if keep > 2 else 1

    return lambda value, _draw: _coarser_date(value, coarser)


def age_band(width: int, top: int) -> Callable[[Any, Opener], Any]:
    """The beginning of the band that an age falls in ("30-39" for text), or 1 January of the band of a birth year."""

    def start(age: int) -> int:
        if age < 0:
            raise Unexpected
        return min(age - age % width, top)

    def mask(value: Any, _draw: Opener) -> Any:
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,3}\s*", value):
            low = start(int(value))
            return f"{low}+" if low == top else f"{low}-{min(low + width, top) - 1}"
        if isinstance(value, (int, float)) or hasattr(value, "to_decimal"):
            number = _decimal_of(value)
            return like(value, start(math.floor(number)))
        return _coarser_date(value, lambda year, _month, _day: (year - year % width, 1, 1))

    return mask


# -- numbers


def _decimal_of(value: Any) -> decimal.Decimal:
    if hasattr(value, "to_decimal"):
        value = value.to_decimal()
    number = decimal.Decimal(repr(value)) if isinstance(value, float) else decimal.Decimal(value)
    if not number.is_finite() or number.adjusted() > 400:
        raise Unexpected
    return number


def _number_like(original: Any, number: decimal.Decimal) -> Any:
    """The number in the original's type; at the end of an int's or a long's range, the last that fits."""
    if hasattr(original, "to_decimal"):
        # 34 digits are what decimal128 holds.
        return type(original)(decimal.Context(prec=34, Emin=-6143, Emax=6144).plus(number))
    if isinstance(original, float):
        return float(number)
    limit = 2 ** bits(original)
    return type(original)(min(max(int(number), -limit), limit - 1))


def number_noise(percent: float) -> Callable[[Any, Opener], Any]:
    """The number times something from 1 - percent/100 to 1 + percent/100, even over that range."""
    share = decimal.Decimal(repr(percent)) / 100
    steps = 10**12

    def mask(value: Any, draw: Opener) -> Any:
        number = _decimal_of(value)
        part = draw(value).below(2 * steps + 1) - steps
        noisy = _EXACT.add(number, _EXACT.divide(_EXACT.multiply(_EXACT.multiply(number, share), part), steps))
        if isinstance(value, int):
            noisy = noisy.to_integral_value(decimal.ROUND_HALF_EVEN, _EXACT)
        elif number.as_tuple().exponent > -20 and number.adjusted() < 30:
            # As many decimal places as the original, so that an amount of money stays one.
            noisy = noisy.quantize(decimal.Decimal((0, (1,), min(number.as_tuple().exponent, 0))), context=_EXACT)
        return _number_like(value, noisy)

    return mask


def number_round(to: float) -> Callable[[Any, Opener], Any]:
    """The nearest multiple of `to`; halves go to the even one."""
    step = decimal.Decimal(repr(to))

    def mask(value: Any, _draw: Opener) -> Any:
        multiple = _EXACT.divide(_decimal_of(value), step).to_integral_value(decimal.ROUND_HALF_EVEN, _EXACT)
        rounded = _EXACT.multiply(multiple, step)
        if isinstance(value, int):
            rounded = rounded.to_integral_value(decimal.ROUND_HALF_EVEN, _EXACT)
        return _number_like(value, rounded)

    return mask


# -- places


def _moved(longitude: Any, latitude: Any, radius: float, draw: Opener) -> tuple[float, float]:
    """Another place within the radius (metres), even over the disc; always a valid longitude and latitude."""
    for number in (longitude, latitude):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise Unexpected
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise Unexpected
    # One text for 77 and 77.0, which are the same place.
    stream = draw(f"{float(longitude)!r} {float(latitude)!r}")
    # The square root makes the density even; 20 centimetres at least, so that rounding puts nothing back in its place.
    distance = max(radius * math.sqrt(stream.below(2**53) / 2**53), 0.2) / _EARTH
    bearing = 2 * math.pi * stream.below(2**53) / 2**53
    south, west = math.radians(latitude), math.radians(longitude)
    # The direct problem on a sphere, which is right at the poles and over the date line as well.
    sine = math.sin(south) * math.cos(distance) + math.cos(south) * math.sin(distance) * math.cos(bearing)
    north = math.asin(max(-1.0, min(1.0, sine)))
    east = west + math.atan2(
        math.sin(bearing) * math.sin(distance) * math.cos(south), math.cos(distance) - math.sin(south) * sine
    )
    degrees = (math.degrees(east) + 180) % 360 - 180
    # Six decimal places are about ten centimetres.
    return round(degrees, 6), round(math.degrees(north), 6)


def geo_fuzz(radius: float) -> Callable[[Any, Opener], Any]:
    """Places as GeoJSON Point or MultiPoint, [longitude, latitude], {lat, lng}, or arrays of these."""

    def coordinates(value: list, draw: Opener) -> list:
        if len(value) in (2, 3) and isinstance(value[0], (int, float)):
            # A height, the third number, is left out.
            return list(_moved(value[0], value[1], radius, draw))
        # Nothing stays nothing, as in every array.
        return [item if item is None or item == "" else mask(item, draw) for item in value]

    def mask(value: Any, draw: Opener) -> Any:
        if isinstance(value, list):
            return coordinates(value, draw)
        if not isinstance(value, dict):
            raise Unexpected
        if set(value) == {"type", "coordinates"}:
            if value["type"] not in ("Point", "MultiPoint") or not isinstance(value["coordinates"], list):
                raise Unexpected
            return {**value, "coordinates": coordinates(value["coordinates"], draw)}
        latitude = [name for name in value if name.lower() in _LATITUDES]
        longitude = [name for name in value if name.lower() in _LONGITUDES]
        # Another field would get out, or be lost.
        if len(value) != 2 or len(latitude) != 1 or len(longitude) != 1:
            raise Unexpected
        east, north = _moved(value[longitude[0]], value[latitude[0]], radius, draw)
        return {name: north if name == latitude[0] else east for name in value}

    return mask
