"""Words of the logs themselves: who is called like one is redacted only where his place tells."""

from typing import Final

ORDINARY: Final = frozenset(
    b"""
    able access account active addr address admin after all anomaly anonymous any app apps arch
    audit auth backup base before bin boot btrfs bytes cache call cat cifs cifsd client close
    cluster code command commands common con connect connection control core count cpu create cron
    data date dbus debian debug debugdata default dev device devices dfs dir directory disk dmesg
    dns docs domain done down drive driver echo end error errors etc eth0 event events ext4 failed
    fails false file files find first flags flush for free from fs fstab full get group groups
    guest hang has home homes host hosts http https hung idle info init input install interface
    internal into iocharset ioctl ipc ipv4 ipv6 is its job journal journalctl kernel key keys krb5
    kthread lan last latency lib link linux list load local localhost lock log login logon logs
    loop main man manifest master max media mem memory min mnt mode module mount mounts name net
    network new nfs node none not ntlm ntlmssp null off old open opt options out owner package
    page pam path pid pool port post pressure print proc process public python queue quota raw
    read release remote request reset root rsize run running safe samba scope sda sec self send
    server service session sessions set share shared shares shell size slow smb smb2 smb3 smbd
    smbinfo socket sockets software ssh sshd stacks start started state stats status stop storage
    store sudo summary swap sync syslog syslogs system systemd target task tasks tcp tcpdump temp
    temporary test testing tests text the thread time tmp token trace tree true type ubuntu udp
    uid umount unix unknown unmount update upload uptime url use user username users usr utf8 uuid
    var vers version vfs video vol volume wait was web with work worker workgroup write wsize xfs
    you zero
    """.split()
)
