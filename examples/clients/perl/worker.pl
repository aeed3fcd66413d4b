# Answers each message of a queue with its body in capitals, after as many milliseconds: perl worker.pl ENDPOINT QUEUE [MS]
use v5.36;
use List::Util qw(min);
use Time::HiRes qw(sleep time);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_DONTWAIT ZMQ_RCVTIMEO);
use constant {HELLO => 1, SETTLE => 3, CREDIT => 4, HEARTBEAT => 5, BYE => 7, WELCOME => 17, DELIVER => 19, LOST => 20, ERROR => 22};
use constant {ACK => 0, RELEASE => 4, EXTEND => 5, CAPACITY => 10};
my ($context, $session, $beat, $said, $highest) = (ZMQ::FFI->new, scalar `head -c 16 /dev/urandom`, 1, 0, 0);
my ($socket, $greeting, $heard, $leaving, %held);    # held, by tag: [body, lease in seconds, since]
$SIG{INT} = $SIG{TERM} = sub { $leaving = 1 };
sub record($code, $id, $fields, $body) { pack "N n n Q> a*", 16 + length "$fields$body", 16 + length $fields, $code, $id, "$fields$body" }
sub put($verb, $number, $name = "", $record = "") {
    $socket->send(pack("a4 C x n Q> a*", "YMP1", $verb, length $name, $number, "$name$record"), ZMQ_DONTWAIT)
}
sub hello {    # on a new socket: what another one still had queued is dropped with it
    $socket = $context->socket(ZMQ_DEALER);
    $socket->connect($ARGV[0]);
    ($greeting, $heard, my $fields) = (1, time, pack "(C n/a*)*", 1, $session, 2, "\1", 3, $ARGV[1]);
    put(HELLO, $highest ? 0 : CAPACITY, "worker.pl", record(0, 0, $fields, ""));
}
sub hear {    # verb, number, records as [code, id, {tag => value}, body]
    $socket->set(ZMQ_RCVTIMEO, "int", %held ? 0 : 100);
    my ($frame, $large) = eval { $socket->recv_multipart } or return 0, 0;
    my ($verb, $length, $number, $rest, @records) = unpack "x4 C x n Q> a*", $frame;
    for ($rest = substr $rest, $length; length $rest; $rest = substr $rest, $length) {
        ($length, my ($body, $code, $id)) = unpack "N n n Q>", $rest;
        my %fields = map { length == 8 ? unpack "Q>" : $_ } unpack "(C n/a)*", substr $rest, 16, $body - 16;
        push @records, [$code, $id, \%fields, $large // substr $rest, $body, $length - $body];
    }
    return $verb, $number, @records;
}
sub credit { $highest + CAPACITY - keys %held }    # absolute: tags up to here may be used
for (hello(); !$leaving || $greeting;) {
    $heard = time if (my ($verb, $number, @records) = hear())[0];
    die "the broker refuses: $records[0][0]\n" if $verb == ERROR && $records[0][0] !~ /428|507/;
    hello() if !$greeting && ($verb == BYE || $verb == ERROR) || time - $heard > 10 * $beat;
    if ($greeting && $verb == WELCOME) {
        ($greeting, $beat, my $last) = (0, $records[0][2]{4} / 1000, $records[0][2]{0x92});
        %held = () if $last < $highest;    # the broker has forgotten us
        put(SETTLE, 0, "", record(RELEASE, $highest + 1, pack("C n Q>", 6, 8, $last), "")) if $last > $highest;    # lost on the way
        put(CREDIT, CAPACITY + ($highest = $last) - keys %held);
    }
    next if $greeting;
    $held{$highest = $_->[1]} = [$_->[3], $number / 1000, time] for $verb == DELIVER ? @records : ();
    delete @held{$_->[1] .. $_->[2]{6} // $_->[1]} for grep { $verb == LOST && $_->[0] =~ /409|504/ } @records;
    put(CREDIT, credit()) if $verb == LOST;
    for (grep { time - $held{$_}[2] > $held{$_}[1] / 2 } keys %held) {
        ($held{$_}[2]) = (time, put(SETTLE, 0, "", record(EXTEND, $_, "", "")));
    }
    if (defined(my $tag = min keys %held)) {
        sleep(($ARGV[2] // 0) / 1000);
        my ($body) = @{delete $held{$tag}};
        put(SETTLE, credit(), "", record(ACK, $tag, "", uc $body));
    }
    (put(HEARTBEAT, 0), $said = time) if time - $said >= $beat;
}
put(BYE, scalar(%held = ()));
(hear())[0] =~ /^(7|22)$/ && last for 1 .. 20;    # BYE says that the broker has read everything, and so does 428
$socket->close;
