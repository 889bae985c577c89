#!/usr/bin/perl
# Writes the two place databases beside it, in MaxMind's format, out of networks that belong to nobody (RFC 5737, RFC 3849,
# RFC 2544): no real person's place is in this repository, and the licence of no real database applies.
#
#   places.mmdb            shaped as GeoLite2-City:    192.0.2.0/24     Rome, IT
#                                                      198.51.100.0/24  Milan, IT
#                                                      203.0.113.0/24   Tokyo, JP
#                                                      2001:db8::/32    Berlin, DE
#                                                      10.0.0.0/8       Oslo, NO: private, so nobody may answer it
#                                                      fd00::/8         likewise
#                                                      198.18.0.0/24    Bolzano, IT, without an English name
#                                                      198.18.1.0/24    a continent, and nothing else
#                                                      198.18.2.0/24    0, 0: what some makers write for "unknown"
#   places-countries.mmdb  country alone, IPv4 alone:  192.0.2.0/24     as GeoLite2-Country: country.iso_code "IT"
#                                                      198.51.100.0/24  as IPinfo once: country "IT", lat and lng as text
#                                                      203.0.113.0/24   as IPinfo Lite: country "Japan", country_code "JP"
#                                                      198.18.0.0/24    country "Atlantis", which has no code
#                                                      32.1.0.0/16      Rome for the first four bytes of 2001::/16
#
# Both are committed: tests and demo need no Perl. To write them anew, byte for byte (Debian):
#   apt-get install libmaxmind-db-writer-perl && perl test/support/places.pl
# To look into one (Debian: mmdb-bin): mmdblookup --file test/support/places.mmdb --ip 192.0.2.1
use strict;
use warnings;
use utf8;

# The writer notes when it ran; the same bytes each time are worth more here.
BEGIN { *CORE::GLOBAL::time = sub () { 1_767_225_600 } }

use File::Basename qw(dirname);
use MaxMind::DB::Writer::Tree;

# The order of keys is the other thing that would differ.
unless (defined $ENV{PERL_HASH_SEED}) {
    $ENV{PERL_HASH_SEED} = 0;
    exec $^X, $0;
}

sub type_of {
    my ($key, $value) = @_;
    return 'map' if ref $value;
    return $key =~ /^(latitude|longitude)$/ ? 'double' : 'utf8_string';
}

sub write_database {
    my ($file, $type, $version, %networks) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version               => $version,
        record_size              => 24,
        database_type            => $type,
        languages                => [ 'en', 'it' ],
        description              => { en => 'Duepassi: invented places of documentation networks' },
        # As in MaxMind's own files: an IPv4 address is found under its IPv6 forms as well.
        alias_ipv6_to_ipv4       => $version == 6 ? 1 : 0,
        remove_reserved_networks => 0,
        map_key_type_callback    => \&type_of,
    );
    $tree->insert_network($_, $networks{$_}) for sort keys %networks;
    my $path = dirname(__FILE__) . "/$file";
    open my $out, '>:raw', $path or die "$path: $!";
    $tree->write_tree($out);
    close $out or die "$path: $!";
}

sub city {
    my ($code, $country, $names, $latitude, $longitude) = @_;
    return {
        city     => { names => $names },
        country  => { iso_code => $code, names => { en => $country } },
        location => { latitude => $latitude, longitude => $longitude },
    };
}

my $rome = city('IT', 'Italy', { en => 'Rome', it => 'Roma' }, 41.8919, 12.5113);
my $oslo = city('NO', 'Norway', { en => 'Oslo' }, 59.9127, 10.7461);

write_database(
    'places.mmdb', 'Duepassi-Fixture-City', 6,
    '192.0.2.0/24'    => $rome,
    '198.51.100.0/24' => city('IT', 'Italy', { en => 'Milan', it => 'Milano' }, 45.4643, 9.1895),
    '203.0.113.0/24'  => city('JP', 'Japan', { en => 'Tokyo', it => 'Tokyo' }, 35.6895, 139.6917),
    '2001:db8::/32'   => city('DE', 'Germany', { en => 'Berlin', it => 'Berlino' }, 52.5244, 13.4105),
    '10.0.0.0/8'      => $oslo,
    'fd00::/8'        => $oslo,
    '198.18.0.0/24'   => city('IT', 'Italy', { it => 'Bolzano' }, 46.4927, 11.3336),
    '198.18.1.0/24'   => { continent => { code => 'EU' } },
    '198.18.2.0/24'   => { location => { latitude => 0, longitude => 0 } },
);

write_database(
    'places-countries.mmdb', 'Duepassi-Fixture-Country', 4,
    '192.0.2.0/24'    => { country => { iso_code => 'IT', names => { en => 'Italy' } } },
    '198.51.100.0/24' => { country => 'IT', lat => '45.4643', lng => '9.1895' },
    '203.0.113.0/24'  => { country => 'Japan', country_code => 'JP' },
    '198.18.0.0/24'   => { country => 'Atlantis' },
    '32.1.0.0/16'     => $rome,
);
